import type { Engine, SessionOptions } from "../engine/contract.ts";
import { defaultLocation, parseLocation } from "../engines/location.ts";
import { openEngine } from "../engines/open.ts";
import { invalidType } from "../errors.ts";
import { checkOptions } from "../wait/options.ts";
import { type Codec, text } from "./codec.ts";
import { Store } from "./store.ts";

export interface OpenOptions {
  /** Lets a file on a network file system through: all programs must run on one machine. Default `false`. */
  readonly networkFilesystem?: boolean;
  /** On engines with leases (etcd, Redis): how long this store's session outlives its silent process. Default 10 s. */
  readonly session?: SessionOptions;
}

export interface OpenCodecOptions<Out, In> extends OpenOptions {
  /** How values are kept: `json()`, `bytes`, or one's own. Default: strings as they are. */
  readonly codec: Codec<Out, In>;
}

/**
 * Opens the store at a path or URL; without one, the store that `IPCTOOLS_STORE` names, or this user's default file. On one
 * file it and the blocking functions see each other's values. It never blocks the event loop: on a busy file it waits with
 * timers.
 *
 * `path` or `file:` → a SQLite file, created if there is none; `memory:NAME` → this thread's memory; `etcd://…`, `redis://…` →
 * a server, whose client is loaded now (`ERR_STORE_CLIENT_MISSING` names the package to install). An engine of your own
 * (see `ipctools/engine`) → that engine, which the store's `close()` closes.
 *
 * @throws TypeError for an option that does not exist or is of the wrong kind, and for a location that is neither a path nor
 * a URL of one of these schemes.
 */
export function openStore(location?: string | Engine, options?: OpenOptions): Promise<Store>;
export function openStore<Out, In = Out>(
  location: string | Engine | undefined,
  options: OpenCodecOptions<Out, In>,
): Promise<Store<Out, In>>;
export async function openStore(
  location?: string | Engine,
  options: OpenOptions & { readonly codec?: Codec<unknown> } = {},
): Promise<Store<unknown>> {
  checkOptions(options, ["codec", "session", "networkFilesystem"], "openStore");
  const { codec = text as Codec<unknown>, session, ...engineOptions } = options;
  if (typeof codec?.encode !== "function" || typeof codec.decode !== "function")
    throw invalidType("codec", "an object with encode() and decode()", codec);
  checkOptions(session, ["ttl"], "session");
  if (isEngine(location)) return new Store(location, codec, session);
  const place = location === undefined ? defaultLocation() : parseLocation(location);
  return new Store(await openEngine(place, engineOptions), codec, session);
}

function isEngine(location: unknown): location is Engine {
  return typeof (location as Partial<Engine> | undefined)?.commit === "function";
}
