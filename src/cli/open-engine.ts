import * as path from "node:path";
import type { Engine, SyncEngine } from "../engine/engine.ts";
import { openSqliteSyncEngine } from "../engines/sqlite/sync-engine.ts";
import { defaultLocation } from "../sync-store.ts";
import { UsageError } from "./arguments.ts";

/** Longer than a drive letter. */
const SCHEME = /^([a-z][a-z\d+.-]+):/i;

/** The engine of a location: for a store file the one that answers at once, without loading what coordination needs. */
export async function openEngine(location: string | undefined, name = "--store"): Promise<Engine | SyncEngine> {
  const resolved = resolveLocation(location, name);
  return isUrl(resolved) ? await openServer(resolved, name) : openSqliteSyncEngine(resolved);
}

/** The engine of a location, able to watch and to hold sessions. */
export async function openWatchingEngine(location: string | undefined, name = "--store"): Promise<Engine> {
  const resolved = resolveLocation(location, name);
  if (isUrl(resolved)) return await openServer(resolved, name);
  const { openSqliteEngine } = await import("../engines/sqlite/engine.ts");
  return await openSqliteEngine(resolved);
}

/** A full path or a URL. */
export function resolveLocation(location: string | undefined, name = "--store"): string {
  const given = location ?? process.env.IPCTOOLS_STORE;
  if (given === "" && location !== undefined)
    throw new UsageError(`${name} must be a path or a URL; got an empty text`);
  if (given?.startsWith("file:")) return process.getBuiltinModule("node:url").fileURLToPath(given);
  if (given !== undefined && isUrl(given)) return given;
  return location === undefined ? defaultLocation() : path.resolve(location);
}

function isUrl(location: string): boolean {
  return SCHEME.test(location);
}

async function openServer(url: string, name: string): Promise<Engine> {
  switch (SCHEME.exec(url)![1]) {
    case "etcd":
    case "etcds":
      return await (await import("../engines/etcd/engine.ts")).openEtcdEngine(url);
    default:
      throw new UsageError(`${name} must be a path, or a URL that begins with file:, etcd: or etcds:; got ${url}`);
  }
}
