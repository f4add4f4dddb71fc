import { openEtcdEngine } from "../../../src/engines/etcd/engine.ts";
import { openRedisEngine } from "../../../src/engines/redis/engine.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";
import { openSqliteSyncEngine } from "../../../src/engines/sqlite/sync-engine.ts";
import { openStoreSync } from "../../../src/sync/sync-store.ts";
import { type Fault, plantedTarget } from "./planted.ts";
import { engineTarget, syncStoreTarget, type Target } from "./target.ts";

/** Which store a worker opens. It travels to the worker as JSON. */
export type TargetName =
  | { readonly kind: "planted"; readonly path: string; readonly fault: Fault }
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "sqlite-sync"; readonly path: string }
  | { readonly kind: "seed"; readonly path: string }
  | { readonly kind: "etcd" | "redis"; readonly url: string };

export async function openTarget(name: TargetName): Promise<Target> {
  switch (name.kind) {
    case "planted":
      return plantedTarget(name.path, name.fault);
    case "sqlite":
      return engineTarget(await openSqliteEngine(name.path));
    case "sqlite-sync":
      return engineTarget(openSqliteSyncEngine(name.path));
    case "etcd":
      return engineTarget(await openEtcdEngine(`${name.url}?timeout=20000`));
    case "redis":
      return engineTarget(await openRedisEngine(name.url));
    case "seed":
      return syncStoreTarget(openStoreSync(name.path));
  }
}
