import { invalidValue, outOfRange } from "../../../errors.ts";
import { type Address, formatAddress, parseAddress } from "../../../location/address.ts";
import { decodePart, parseServerUrl, type ServerUrl } from "../../../location/server-url.ts";
import { readTlsFiles, TLS_PARAMETERS, type TlsFiles } from "../../../location/tls-files.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../../../wait/timeout.ts";
import { PREFIX_BYTES } from "../capabilities.ts";

/** What an `etcd://` or `etcds://` URL says. */
export interface EtcdLocation {
  /** The URL without password and parameters: for people to read. */
  readonly shown: string;
  readonly endpoints: readonly Address[];
  readonly prefix: string;
  readonly credentials: { readonly name: string; readonly password: string } | undefined;
  readonly tls: TlsFiles | undefined;
  /** Whether `get` and `list` are answered by one member alone, which may not have the newest commit yet. */
  readonly serializable: boolean;
  /** How long a call other than a commit lasts, and opening too, in milliseconds. */
  readonly timeout: number;
}

const FORM = {
  text: "etcd://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/PREFIX[?PARAMETERS]",
  schemes: ["etcd", "etcds"],
  parameters: [...TLS_PARAMETERS, "serializable", "timeout"],
};
const DEFAULT_PORT = 2379;
const DEFAULT_PREFIX = "/ipctools";

/** A `TypeError` or `RangeError` names what is wrong, without the password. */
export function parseEtcdLocation(text: unknown): EtcdLocation {
  const url = parseServerUrl(text, FORM);
  const endpoints = url.hosts.map((host) => parseAddress(host, DEFAULT_PORT));
  const prefix = parsePrefix(url.path);
  const credentials = credentialsOf(url);
  const name = credentials && `${encodeURIComponent(credentials.name)}@`;
  return {
    shown: `${url.scheme}://${name ?? ""}${endpoints.map(formatAddress).join(",")}${prefix}`,
    endpoints,
    prefix,
    credentials,
    tls: readTlsFiles(url.scheme === "etcds", url.parameters),
    serializable: parseSerializable(url.parameters.get("serializable")),
    timeout: parseTimeout(url.parameters.get("timeout")),
  };
}

function parsePrefix(path: string): string {
  const prefix = decodePart("prefix", path).replace(/\/+$/, "") || DEFAULT_PREFIX;
  const bytes = Buffer.byteLength(prefix);
  if (bytes > PREFIX_BYTES) throw outOfRange("the URL's prefix", `at most ${PREFIX_BYTES} bytes`, bytes);
  return prefix;
}

function credentialsOf({ user, password }: ServerUrl): EtcdLocation["credentials"] {
  if (user === undefined && password === undefined) return undefined;
  if (user === undefined || password === undefined)
    throw invalidValue("the URL's user", "followed by a password (USER:PASSWORD@)", user);
  return { name: user, password };
}

function parseSerializable(text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true" || text === "") return true;
  throw invalidValue("the URL's parameter serializable", '"true" or "false"', text);
}

function parseTimeout(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT;
  if (!/^\d+$/.test(text)) throw invalidValue("the URL's parameter timeout", "a number of milliseconds", text);
  return checkTimeout(Number(text), "the URL's parameter timeout");
}
