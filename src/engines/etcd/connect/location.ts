import * as fs from "node:fs";
import { invalidType, invalidValue, outOfRange, StoreError } from "../../../errors.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../../../wait/timeout.ts";
import { PREFIX_BYTES } from "../capabilities.ts";

/** What the URL may say too; what is given here counts more. */
export interface EtcdOptions {
  readonly username?: string;
  readonly password?: string;
  /** The certificates of authorities that are trusted instead of the system's, in PEM. In the URL: a file's path. */
  readonly ca?: string | Uint8Array;
  /** The client's certificate and its key, in PEM. In the URL: files' paths. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name that the server's certificate must have. Default: the endpoint's host. */
  readonly serverName?: string;
  /** Whether `get` and `list` are answered by one member alone: faster, and maybe older than the newest commit. Default false. */
  readonly serializable?: boolean;
  /** How long a call other than a commit lasts at the most, and opening too, in milliseconds. Default 5000. */
  readonly timeout?: number;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Tls {
  readonly ca: Buffer | null;
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
  readonly serverName: string | undefined;
}

/** What an `etcd://` or `etcds://` URL says. */
export interface EtcdLocation {
  /** The URL without password and options: for people to read. */
  readonly shown: string;
  readonly endpoints: readonly Endpoint[];
  readonly prefix: string;
  readonly credentials: { readonly name: string; readonly password: string } | undefined;
  readonly tls: Tls | undefined;
  readonly serializable: boolean;
  readonly timeout: number;
}

const FORM = "etcd://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/PREFIX[?OPTIONS]";
const PARTS =
  /^(?<scheme>[a-z]+):\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?))(?::(?<port>\d*))?$/;
const DEFAULT_PORT = 2379;
const DEFAULT_PREFIX = "/ipctools";
const TLS_OPTIONS = ["ca", "cert", "key", "servername"] as const;
const OPTIONS: readonly string[] = [...TLS_OPTIONS, "serializable", "timeout"];

/** A `TypeError` or `RangeError` names what is wrong, without the password. */
export function parseLocation(url: unknown, options: EtcdOptions = {}): EtcdLocation {
  if (typeof url !== "string") throw invalidType("url", `a string of the form ${FORM}`, url);
  const parts = PARTS.exec(url)?.groups;
  if (!parts) throw invalidValue("url", `of the form ${FORM}`, withoutPassword(url));
  if (parts.user === undefined && url.includes("@"))
    throw invalidValue(
      "url",
      "percent-encoded where the user, the password or the prefix holds /, ?, # or @",
      withoutPassword(url),
    );
  const { scheme, user, hosts, path = "", query = "" } = parts;
  if (scheme !== "etcd" && scheme !== "etcds")
    throw invalidValue("the URL's scheme", '"etcd" or "etcds" (with TLS)', scheme);
  const endpoints = hosts!.split(",").map(parseEndpoint);
  const prefix = parsePrefix(path);
  const more = parseQuery(query);
  const credentials = parseCredentials(user, options);
  const name = credentials && `${encodeURIComponent(credentials.name)}@`;
  return {
    shown: `${scheme}://${name ?? ""}${endpoints.map(addressOf).join(",")}${prefix}`,
    endpoints,
    prefix,
    credentials,
    tls: scheme === "etcds" ? parseTls(more, options) : refuseTls(more, options),
    serializable: options.serializable ?? parseBoolean("serializable", more.get("serializable")),
    timeout: checkTimeout(options.timeout ?? parseNumber("timeout", more.get("timeout")) ?? DEFAULT_TIMEOUT),
  };
}

export function addressOf({ host, port }: Endpoint): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function parseEndpoint(text: string): Endpoint {
  const { six, name, port } = HOST.exec(text)?.groups ?? {};
  const host = six ?? name;
  if (host === undefined)
    throw invalidValue("the URL's host", "HOST[:PORT], several of them with commas between", text);
  const number = port === undefined || port === "" ? DEFAULT_PORT : Number(port);
  if (number < 1 || number > 65_535) throw outOfRange("the URL's port", "a number from 1 to 65535", port);
  return { host, port: number };
}

function parsePrefix(path: string): string {
  const prefix = decode("the URL's prefix", path).replace(/\/+$/, "") || DEFAULT_PREFIX;
  const bytes = Buffer.byteLength(prefix);
  if (bytes > PREFIX_BYTES) throw outOfRange("the URL's prefix", `at most ${PREFIX_BYTES} bytes`, bytes);
  return prefix;
}

function parseQuery(query: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!OPTIONS.includes(name)) throw invalidValue("the URL's option", `one of ${OPTIONS.join(", ")}`, name);
    if (found.has(name)) throw invalidValue(`the URL's option ${name}`, "there once", value);
    found.set(name, value);
  }
  return found;
}

function parseCredentials(user: string | undefined, options: EtcdOptions): EtcdLocation["credentials"] {
  const [, name = "", password] = /^([^:]*)(?::(.*))?$/s.exec(user ?? "") ?? [];
  const all = {
    name: options.username ?? decode("the URL's user", name),
    password: options.password ?? (password === undefined ? undefined : decode("the URL's password", password)),
  };
  if (all.name === "" && all.password === undefined) return undefined;
  if (all.name === "" || all.password === undefined)
    throw invalidValue("the URL's user", "followed by a password (USER:PASSWORD@)", all.name);
  return { name: all.name, password: all.password };
}

function parseTls(query: Map<string, string>, options: EtcdOptions): Tls {
  const pem = (name: "ca" | "cert" | "key"): Buffer | null => {
    const given = options[name];
    if (given !== undefined) return Buffer.from(given as string);
    const file = query.get(name);
    if (file === undefined) return null;
    try {
      return fs.readFileSync(file);
    } catch (cause) {
      throw new StoreError("ERR_STORE_IO", `The file of the URL's option ${name} cannot be read: ${file}`, { cause });
    }
  };
  const tls = {
    ca: pem("ca"),
    cert: pem("cert"),
    key: pem("key"),
    serverName: options.serverName ?? query.get("servername"),
  };
  if ((tls.cert === null) !== (tls.key === null))
    throw invalidValue("the URL's options cert and key", "given both or neither", tls.cert ? "cert" : "key");
  return tls;
}

function refuseTls(query: Map<string, string>, options: EtcdOptions): undefined {
  const given =
    TLS_OPTIONS.find((name) => query.has(name)) ??
    (["ca", "cert", "key", "serverName"] as const).find((name) => options[name] !== undefined);
  if (given !== undefined) throw invalidValue("the URL's scheme", `"etcds" where ${given} is given`, "etcd");
}

function parseBoolean(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true" || text === "") return true;
  throw invalidValue(`the URL's option ${name}`, '"true" or "false"', text);
}

function parseNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw invalidValue(`the URL's option ${name}`, "a number of milliseconds", text);
  return Number(text);
}

/** The value itself is not shown: it may be a password. */
function decode(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidValue(name, "percent-encoded UTF-8", "something else");
  }
}

/** Everything between `//` and the last `@` goes, whatever a wrong URL may hold there. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/s, "//…@");
}
