import { openStoreSync } from "../../src/sync/sync-store.ts";
import type { Peer, Place } from "../peer.ts";

export const ipctoolsRedisBlocking = blocking("redis", "Redis", ({ redis }) => `redis://${redis}?prefix=bench`);
export const ipctoolsEtcdBlocking = blocking("etcd", "etcd", ({ etcd }) => `etcd://${etcd}/bench/`);

/** The blocking API over a server: synchronous calls through a thread that owns the client. */
function blocking(server: "redis" | "etcd", title: string, location: (servers: Place["servers"]) => string): Peer {
  return {
    name: `ipctools-${server}-blocking`,
    title: `**ipctools** (${title}, blocking API)`,
    server,
    does: ["set", "get", "create"],
    open({ servers }) {
      const store = openStoreSync(location(servers));
      return {
        set: (key, value) => store.setValue(key, value),
        get: (key) => store.getValue(key),
        create: (key, value) => store.createValue(key, value),
        close: () => store.close(),
      };
    },
  };
}
