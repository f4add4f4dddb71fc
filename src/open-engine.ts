import type { Engine } from "./engine/engine.ts";
import type { Location } from "./location.ts";

/** Loads and opens the engine of a location. */
export async function openEngine(location: Location, options: { networkFilesystem?: boolean } = {}): Promise<Engine> {
  switch (location.engine) {
    case "sqlite":
      return (await import("./engines/sqlite/engine.ts")).openSqliteEngine(location.path, options);
    case "memory":
      return (await import("./engines/memory/engine.ts")).memoryEngine(location.name);
    case "etcd":
      return (await import("./engines/etcd/engine.ts")).openEtcdEngine(location.url);
    case "redis":
      return (await import("./engines/redis/engine.ts")).openRedisEngine(location.url);
  }
}
