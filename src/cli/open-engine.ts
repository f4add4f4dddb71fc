import * as path from "node:path";
import type { Engine, SyncEngine } from "../engine/engine.ts";
import { openSqliteSyncEngine } from "../engines/sqlite/sync-engine.ts";
import { defaultLocation } from "../sync-store.ts";
import { UsageError } from "./arguments.ts";

/** The engine of a location: for a store file the one that answers at once, without loading what coordination needs. */
export async function openEngine(location: string | undefined, name = "--store"): Promise<Engine | SyncEngine> {
  return openSqliteSyncEngine(resolveLocation(location, name));
}

/** The engine of a location, able to watch. */
export async function openWatchingEngine(location: string | undefined, name = "--store"): Promise<Engine> {
  const { openSqliteEngine } = await import("../engines/sqlite/engine.ts");
  return await openSqliteEngine(resolveLocation(location, name));
}

function resolveLocation(location: string | undefined, name: string): string {
  if (location === undefined) return defaultLocation();
  if (location === "") throw new UsageError(`${name} must be a path or a URL; got an empty text`);
  if (/^[a-z][a-z\d+.-]+:/i.test(location))
    throw new UsageError(`${name} must be the path of a store file; got the URL ${location}`);
  return path.resolve(location);
}
