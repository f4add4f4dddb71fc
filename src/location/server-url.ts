import { invalidType, invalidValue } from "../errors.ts";
import { maskPassword } from "./mask-password.ts";

/** A URL that leads to servers, taken apart. */
export interface ServerUrl {
  /** In lower case, without the colon. */
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** `host[:port]` of each server, as written. */
  readonly hosts: readonly string[];
  /** Begins with `/` unless it is empty. As written. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Which URLs an engine takes. */
export interface UrlForm {
  /** As it is shown, such as `etcd://HOST/PREFIX`. */
  readonly text: string;
  readonly schemes: readonly string[];
  readonly parameters: readonly string[];
}

const PARTS =
  /^(?<scheme>[a-z][a-z\d+.-]*):\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?<path>\/[^?#@]*)?(?:\?(?<query>[^#@]*))?$/i;

/**
 * Takes a URL apart. No message of an error holds a password.
 *
 * @throws TypeError if it does not have the form, or if a parameter is unknown or given twice.
 */
export function parseServerUrl(url: unknown, form: UrlForm): ServerUrl {
  if (typeof url !== "string") throw invalidType("url", `a string of the form ${form.text}`, url);
  const parts = PARTS.exec(url)?.groups;
  // An @ after the hosts may belong to a password that holds a /, ? or #. Then a part of the password would pass for a host.
  if (!parts)
    throw invalidValue(
      "url",
      `of the form ${form.text}, with /, ?, # and @ percent-encoded in its parts`,
      maskPassword(url),
    );
  const scheme = parts.scheme!.toLowerCase();
  if (!form.schemes.includes(scheme))
    throw invalidValue("the URL's scheme", `one of ${form.schemes.join(", ")}`, scheme);
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(parts.user ?? "")!;
  return {
    scheme,
    user: decodePart("user", user!) || undefined,
    password: password === undefined ? undefined : decodePart("password", password),
    hosts: parts.hosts!.split(","),
    path: parts.path ?? "",
    parameters: parseParameters(parts.query ?? "", form.parameters),
  };
}

function parseParameters(query: string, known: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!known.includes(name)) throw invalidValue("the URL's parameter", `one of ${known.join(", ")}`, name);
    if (found.has(name)) throw invalidValue("the URL's parameter", "given once", name);
    found.set(name, value);
  }
  return found;
}

/** Decodes a part of a URL. The part is not shown, because it may be a password. */
export function decodePart(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidValue(`the URL's ${name}`, "percent-encoded UTF-8", "something else");
  }
}
