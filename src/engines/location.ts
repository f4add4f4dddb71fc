import * as path from "node:path";
import { invalidType, invalidValue } from "../errors.ts";
import { maskPassword, maskPasswords } from "../location/mask-password.ts";
import { defaultStorePath } from "./sqlite/file/default-path.ts";

/** Where a store is, and so which engine carries it. */
export type Location =
  | { readonly engine: "sqlite"; readonly path: string }
  /** Of this thread; without a name nobody else has it. */
  | { readonly engine: "memory"; readonly name: string | undefined }
  | { readonly engine: "etcd" | "redis"; readonly url: string };

/** Two letters at least: one is a drive of Windows. */
const SCHEME = /^([a-z][a-z\d+.-]+):/i;
const SCHEMES = "file:, memory:, etcd:, etcds:, redis: or rediss:";

/**
 * What a path or a URL leads to; a relative path counts from the working directory. Looks at nothing, loads nothing. `name` is
 * what a `TypeError` calls it.
 */
export function parseLocation(location: unknown, name = "location"): Location {
  if (typeof location !== "string") throw invalidType(name, "a path or a URL", location);
  if (location === "" || location.includes("\0")) throw invalidValue(name, "a path or a URL", location);
  const scheme = SCHEME.exec(location)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return { engine: "sqlite", path: path.resolve(location) };
    case "file":
      return { engine: "sqlite", path: fileOf(location, name) };
    case "memory":
      return { engine: "memory", name: location.slice("memory:".length) || undefined };
    case "etcd":
    case "etcds":
      return { engine: "etcd", url: location };
    case "redis":
    case "rediss":
    case "redis+sentinel":
    case "rediss+sentinel":
      return { engine: "redis", url: location };
    default:
      throw invalidValue(name, `a path, or a URL that begins with ${SCHEMES}`, maskPassword(location));
  }
}

/** What `IPCTOOLS_STORE` says now, or this user's default file. Throws a `TypeError` for a path that is not full. */
export function defaultLocation(): Location {
  const location = process.env.IPCTOOLS_STORE;
  if (!location) return { engine: "sqlite", path: defaultStorePath() };
  if (!SCHEME.test(location) && !path.isAbsolute(location))
    throw invalidValue(
      "IPCTOOLS_STORE",
      "a full path, so that every program means the same file, or a URL",
      maskPasswords(location),
    );
  return parseLocation(location, "IPCTOOLS_STORE");
}

function fileOf(url: string, name: string): string {
  try {
    // A URL that begins otherwise would be taken as one from the root, whatever the working directory.
    if (/^file:(\/\/(localhost)?)?\//i.test(url)) return process.getBuiltinModule("node:url").fileURLToPath(url);
  } catch {
    // Another host, or a path that cannot be decoded. Node's error is not the cause of ours, because it holds the whole URL.
  }
  throw invalidValue(name, "a file: URL with a full path, such as file:///tmp/store.db", maskPassword(url));
}
