import { invalidType, invalidValue, outOfRange } from "../../../errors.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a location says, taken apart. */
export interface RedisLocation {
  /** The location without its passwords: for messages and `info`. */
  readonly safe: string;
  readonly tls: boolean;
  /** Servers, tried in turn; with `master`, the sentinels. */
  readonly addresses: readonly Address[];
  /** The name under which the sentinels know the primary. */
  readonly master: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly prefix: string;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  /** Files in PEM form, and the name that the server's certificate must bear. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly servername: string | undefined;
  /** Whether a server that may evict keys under memory pressure is accepted. */
  readonly evictable: boolean;
}

const SHAPE = /^(rediss?)(\+sentinel)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/s;
const PARAMETERS = new Set([
  "prefix",
  "sentinelUsername",
  "sentinelPassword",
  "ca",
  "cert",
  "key",
  "servername",
  "evictable",
]);
const DEFAULT_PREFIX = "ipctools";
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;
const LONGEST_PREFIX = 256;

/**
 * Takes a location apart:
 *
 *     redis://[user[:password]@]host[:port][,host[:port]…][/database][?prefix=…]
 *     rediss://…                                      the same over TLS: also ca, cert, key (paths of PEM files), servername
 *     redis+sentinel://[user[:password]@]sentinel[:port][,…]/master[/database][?prefix=…&sentinelUsername=…&sentinelPassword=…]
 *     rediss+sentinel://…
 *
 * Throws a `TypeError` (`ERR_INVALID_ARG_VALUE`) or a `RangeError` (`ERR_OUT_OF_RANGE`); no message holds a password.
 */
export function parseRedisLocation(location: string): RedisLocation {
  if (typeof location !== "string") throw invalidType("location", "a URL", location);
  const safe = withoutPasswords(location);
  const match = SHAPE.exec(location);
  // An @ that ends no user and password: one of them holds a /, ? or #, and would end up in a message as something else.
  if (!match || (match[3] === undefined && location.includes("@")))
    throw invalidValue(
      "location",
      "redis://[user:password@]host[:port][/database][?prefix=…] (special characters percent-encoded)",
      safe,
    );
  const [, scheme, sentinel, user, hosts, path = "", query] = match;
  const segments = path.split("/").slice(1);
  const master = sentinel ? decode(segments.shift() ?? "", "the primary's name", safe) : undefined;
  if (master === "")
    throw invalidValue("location", "one that names the primary: redis+sentinel://host:port/name", safe);
  if (segments.length > 1) throw invalidValue("location", "one with at most a database's number as its path", safe);
  const parameters = new URLSearchParams(query ?? "");
  for (const name of parameters.keys())
    if (!PARAMETERS.has(name))
      throw invalidValue(`location (${safe}): parameter`, `one of ${[...PARAMETERS].join(", ")}`, name);
  const colon = user?.indexOf(":") ?? -1;
  const username = user === undefined ? undefined : decode(colon < 0 ? user : user.slice(0, colon), "the user", safe);
  const password = user === undefined || colon < 0 ? undefined : decode(user.slice(colon + 1), "the password", safe);
  const text = (name: string) => parameters.get(name) || undefined;
  return {
    safe,
    tls: scheme === "rediss",
    addresses: hosts!
      .split(",")
      .map((host) => parseAddress(host, sentinel ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT, safe)),
    master,
    username: username || undefined,
    password: password || undefined,
    database: parseDatabase(segments[0] ?? "", safe),
    prefix: checkPrefix(parameters.get("prefix") ?? DEFAULT_PREFIX),
    sentinelUsername: text("sentinelUsername"),
    sentinelPassword: text("sentinelPassword"),
    ca: text("ca"),
    cert: text("cert"),
    key: text("key"),
    servername: text("servername"),
    evictable: parameters.get("evictable") === "allow",
  };
}

/** Throws unless it can stand between the braces of a hash tag. */
function checkPrefix(prefix: unknown): string {
  if (typeof prefix !== "string") throw invalidType("prefix", "a string", prefix);
  if (prefix === "" || /[{}]/.test(prefix) || !prefix.isWellFormed())
    throw invalidValue("prefix", "a text that is not empty and holds no { or }", prefix);
  const bytes = Buffer.byteLength(prefix);
  if (bytes > LONGEST_PREFIX) throw outOfRange("prefix", `at most ${LONGEST_PREFIX} bytes in UTF-8`, bytes);
  return prefix;
}

/** The location with `***` in the place of passwords, whatever shape it has. */
function withoutPasswords(location: string): string {
  return location.replace(/^([^:]*:\/\/[^:@]*):.*@/s, "$1:***@").replace(/(password=)[^&#]*/gi, "$1***");
}

function parseAddress(text: string, defaultPort: number, safe: string): Address {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::([^:]*))?$/.exec(text);
  if (!match) throw invalidValue(`location (${safe}): host`, "host or host:port (IPv6 in brackets)", text);
  const host = match[1]!.startsWith("[") ? match[1]!.slice(1, -1) : match[1]!;
  if (match[2] === undefined) return { host, port: defaultPort };
  const port = Number(match[2]);
  if (!/^\d+$/.test(match[2])) throw invalidValue(`location (${safe}): port`, "a number", match[2]);
  if (port < 1 || port > 65535) throw outOfRange(`location (${safe}): port`, "a number from 1 to 65535", port);
  return { host, port };
}

function parseDatabase(text: string, safe: string): number {
  if (text === "") return 0;
  if (!/^\d+$/.test(text)) throw invalidValue(`location (${safe}): database`, "a number", text);
  const database = Number(text);
  if (database > 2 ** 31 - 1) throw outOfRange(`location (${safe}): database`, "a number from 0 to 2147483647", text);
  return database;
}

function decode(text: string, name: string, safe: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidValue("location", `one in which ${name} is percent-encoded`, safe);
  }
}
