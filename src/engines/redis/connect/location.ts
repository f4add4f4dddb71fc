import { invalidValue, outOfRange } from "../../../errors.ts";
import { type Address, parseAddress } from "../../../location/address.ts";
import { maskPassword } from "../../../location/mask-password.ts";
import { decodePart, parseServerUrl } from "../../../location/server-url.ts";
import { readTlsFiles, TLS_PARAMETERS, type TlsFiles } from "../../../location/tls-files.ts";

/** What a location says, taken apart. */
export interface RedisLocation {
  /** The location without its passwords: for messages and `info`. */
  readonly safe: string;
  readonly tls: TlsFiles | undefined;
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
  /** Whether a server that may evict keys under memory pressure is accepted. */
  readonly evictable: boolean;
}

const FORM = {
  text: "redis://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…][/DATABASE][?PARAMETERS]",
  schemes: ["redis", "rediss", "redis+sentinel", "rediss+sentinel"],
  parameters: ["prefix", "sentinelUsername", "sentinelPassword", ...TLS_PARAMETERS, "evictable"],
};
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
  const url = parseServerUrl(location, FORM);
  const [scheme, sentinel] = url.scheme.split("+");
  const segments = url.path.split("/").slice(1);
  const master = sentinel && decodePart("primary", segments.shift() ?? "");
  if (master === "") throw invalidValue("the URL's primary", "a name: redis+sentinel://HOST:PORT/NAME", master);
  if (segments.length > 1) throw invalidValue("the URL's path", "at most a database's number", url.path);
  const text = (name: string) => url.parameters.get(name) || undefined;
  return {
    safe: maskPassword(location),
    tls: readTlsFiles(scheme === "rediss", url.parameters),
    addresses: url.hosts.map((host) => parseAddress(host, sentinel ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT)),
    master,
    username: url.user,
    password: url.password || undefined,
    database: parseDatabase(segments[0] ?? ""),
    prefix: checkPrefix(url.parameters.get("prefix") ?? DEFAULT_PREFIX),
    sentinelUsername: text("sentinelUsername"),
    sentinelPassword: text("sentinelPassword"),
    evictable: text("evictable") === "allow",
  };
}

/** Throws unless it can stand between the braces of a hash tag. */
function checkPrefix(prefix: string): string {
  if (prefix === "" || /[{}]/.test(prefix) || !prefix.isWellFormed())
    throw invalidValue("the URL's parameter prefix", "a text that is not empty and holds no { or }", prefix);
  const bytes = Buffer.byteLength(prefix);
  if (bytes > LONGEST_PREFIX)
    throw outOfRange("the URL's parameter prefix", `at most ${LONGEST_PREFIX} bytes in UTF-8`, bytes);
  return prefix;
}

function parseDatabase(text: string): number {
  if (text === "") return 0;
  if (!/^\d+$/.test(text)) throw invalidValue("the URL's database", "a number", text);
  const database = Number(text);
  if (database > 2 ** 31 - 1) throw outOfRange("the URL's database", "a number from 0 to 2147483647", database);
  return database;
}
