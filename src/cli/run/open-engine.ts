import type { Engine, SyncEngine } from "../../engine/contract.ts";
import { notInitializedError } from "../../engine/standard-errors.ts";
import { defaultLocation, type Location, parseLocation } from "../../engines/location.ts";
import { openSqliteSyncEngine } from "../../engines/sqlite/sync-engine.ts";
import { UsageError } from "../parse/arguments.ts";

/** The engine of a location: for a store file the one that answers at once, without loading what coordination needs. */
export async function openEngine(location: string | undefined, name = "--store"): Promise<Engine | SyncEngine> {
  const place = placeOf(location, name);
  return place.engine === "sqlite" ? openSqliteSyncEngine(place.path) : await openPlace(place);
}

/** The engine of a location, able to watch and to hold sessions. */
export async function openWatchingEngine(location: string | undefined, name = "--store"): Promise<Engine> {
  return await openPlace(placeOf(location, name));
}

/** Throws if nothing was ever set in a store where nothing was found. */
export async function assertInitialized(engine: Engine | SyncEngine): Promise<void> {
  const { initialized, location } = await engine.info();
  if (!initialized) throw notInitializedError(location);
}

/** A full path or a URL. */
export function resolveLocation(location: string): string {
  const place = placeOf(location, "--store");
  return place.engine === "sqlite" ? place.path : place.url;
}

function placeOf(location: string | undefined, name: string): Exclude<Location, { engine: "memory" }> {
  let place: Location;
  try {
    place = location === undefined ? defaultLocation() : parseLocation(location, name);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (place.engine === "memory")
    throw new UsageError(`${name} must be a file or a server: a store in memory ends with this command`);
  return place;
}

async function openPlace(place: Location): Promise<Engine> {
  const { openEngine } = await import("../../engines/open.ts");
  return await openEngine(place);
}
