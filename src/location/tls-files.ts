import * as fs from "node:fs";
import { invalidValue, StoreError } from "../errors.ts";

/** What a TLS connection needs beside the address. */
export interface TlsFiles {
  /** The certificates of trusted authorities, instead of the system's, in PEM form. */
  readonly ca?: Buffer;
  /** The client's certificate and its key, in PEM form. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** The name that the server's certificate must have. Default: the address's host. */
  readonly servername?: string;
}

/** The parameters of a URL that concern TLS. The first three are paths of files. */
export const TLS_PARAMETERS = ["ca", "cert", "key", "servername"] as const;

/**
 * Reads the files that a URL's parameters name. Returns `undefined` for a connection without TLS (`isSecure` is false).
 *
 * @throws TypeError if a certificate comes without its key or the other way round, or if there are parameters without TLS.
 * @throws StoreError `ERR_STORE_IO` if a file cannot be read.
 */
export function readTlsFiles(isSecure: boolean, parameters: ReadonlyMap<string, string>): TlsFiles | undefined {
  if (!isSecure) {
    const given = TLS_PARAMETERS.find((name) => parameters.get(name));
    if (given !== undefined)
      throw invalidValue("the URL's scheme", `one with TLS where ${given} is given`, "without TLS");
    return undefined;
  }
  const servername = parameters.get("servername");
  const files = { ...pem("ca"), ...pem("cert"), ...pem("key"), ...(servername && { servername }) };
  if ((files.cert === undefined) !== (files.key === undefined))
    throw invalidValue("the URL's parameters cert and key", "given both or neither", files.cert ? "cert" : "key");
  return files;

  function pem<Name extends "ca" | "cert" | "key">(name: Name): { readonly [_ in Name]?: Buffer } {
    const path = parameters.get(name);
    if (!path) return {};
    try {
      return { [name]: fs.readFileSync(path) } as { readonly [_ in Name]: Buffer };
    } catch (cause) {
      throw new StoreError(
        "ERR_STORE_IO",
        `Cannot read the file ${JSON.stringify(path)} that the URL's parameter ${name} names`,
        { cause },
      );
    }
  }
}
