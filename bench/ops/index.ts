import type { Operation } from "../operation.ts";
import { channel, channelLatency } from "./channel.ts";
import { contention } from "./contention.ts";
import { failOver } from "./fail-over.ts";
import { list } from "./list.ts";
import { handOver, lock } from "./lock.ts";
import { once } from "./once.ts";
import { queue } from "./queue.ts";
import { onEtcd, onRedis } from "./servers.ts";
import { start } from "./start.ts";
import { create, createExisting, get, set } from "./values.ts";
import { waiters } from "./waiters.ts";
import { bystanders, watch } from "./watch.ts";

/** In the order of the report. */
export const operations: readonly Operation[] = [
  get,
  set,
  create,
  createExisting,
  contention,
  start,
  lock,
  handOver,
  failOver,
  watch,
  bystanders,
  channelLatency,
  channel,
  queue,
  once,
  waiters,
  list,
  ...onRedis,
  ...onEtcd,
];
