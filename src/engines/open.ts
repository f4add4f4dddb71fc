import type { Engine } from "../engine/contract.ts";
import type { Location } from "./location.ts";

/** Loads and opens the engine of a location. */
export async function openEngine(location: Location, options: { networkFilesystem?: boolean } = {}): Promise<Engine> {
  switch (location.engine) {
    case "sqlite":
      return (await import("./sqlite/engine.ts")).openSqliteEngine(location.path, options);
    case "memory":
      return (await import("./memory/engine.ts")).memoryEngine(location.name);
    case "etcd":
      return (await import("./etcd/engine.ts")).openEtcdEngine(location.url);
    case "redis":
      return (await import("./redis/engine.ts")).openRedisEngine(location.url);
  }
}
