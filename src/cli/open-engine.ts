import * as path from "node:path";
import type { Engine, SyncEngine } from "../engine/engine.ts";
import { openSqliteSyncEngine } from "../engines/sqlite/sync-engine.ts";
import { defaultLocation } from "../sync-store.ts";
import { UsageError } from "./arguments.ts";

/** The engine of a location: for a store file the one that answers at once, without loading what coordination needs. */
export async function openEngine(location: string | undefined): Promise<Engine | SyncEngine> {
  return openSqliteSyncEngine(resolveLocation(location));
}

function resolveLocation(location: string | undefined): string {
  if (location === undefined) return defaultLocation();
  if (location === "") throw new UsageError("--store must be a path or a URL; got an empty text");
  return path.resolve(location);
}
