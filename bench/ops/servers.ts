import type { Operation } from "../operation.ts";
import type { Servers } from "../servers.ts";
import { clients } from "./clients.ts";
import { failOver } from "./fail-over.ts";
import { list } from "./list.ts";
import { handOver, lock } from "./lock.ts";
import { pipelined } from "./pipelined.ts";
import { create, get, set } from "./values.ts";
import { waiters } from "./waiters.ts";
import { watch } from "./watch.ts";

/** The same on peers that use a server, with another aim and another measure. */
function on(server: keyof Servers, operation: Operation, reference: string, aim = ""): Operation {
  const title = `${operation.title}, on ${server}`;
  const about = `${operation.about.replace(/ Aim: .*/, "")}${aim && ` Aim: ${aim}`}`;
  return { ...operation, name: `${server}-${operation.name}`, title, about, server, reference };
}

/** The blocking API's synchronous calls beside the asynchronous ones. */
function blocking(server: keyof Servers, operation: Operation, bare: readonly string[]): Operation {
  const { name, title } = operation;
  return {
    ...on(
      server,
      { ...operation, name: `blocking-${name}`, title: `${title} by a blocking call` },
      `ipctools-${server}`,
    ),
    about: "The blocking API's call, which blocks its thread. Aim: 1.5 times the asynchronous call at the most.",
    without: bare,
  };
}

const asBare = "1.3 times the bare client at the most.";

export const onRedis: readonly Operation[] = [
  on("redis", get, "redis", asBare),
  on("redis", set, "redis", asBare),
  on("redis", create, "redis", asBare),
  on("redis", pipelined, "redis", "10,000 a second where the bare client reaches 15,000."),
  on("redis", lock, "redlock", "ahead of redlock."),
  on("redis", handOver, "redlock"),
  on("redis", waiters, "ipctools-redis"),
  on("redis", watch, "ipctools-redis"),
  on("redis", failOver, "ipctools-redis"),
  on("redis", list, "redis"),
  blocking("redis", get, ["redis"]),
  blocking("redis", set, ["redis"]),
  on("redis", clients, "ipctools-redis"),
];

export const onEtcd: readonly Operation[] = [
  on("etcd", get, "etcd3", asBare),
  on("etcd", set, "etcd3", asBare),
  on("etcd", create, "etcd3", asBare),
  on("etcd", pipelined, "etcd3"),
  on("etcd", lock, "etcd3", "ahead of etcd3."),
  on("etcd", handOver, "etcd3"),
  on("etcd", waiters, "ipctools-etcd"),
  on("etcd", watch, "ipctools-etcd"),
  on("etcd", failOver, "etcd3"),
  on("etcd", list, "etcd3"),
  blocking("etcd", get, ["etcd3"]),
  blocking("etcd", set, ["etcd3"]),
  on("etcd", clients, "ipctools-etcd"),
];
