import { invalidValue, outOfRange } from "../errors.ts";

/** Where a server listens. */
export interface Address {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]\s]+))(?::(?<port>[^:]*))?$/;

/**
 * Parses `host[:port]`, where an IPv6 address stands in brackets.
 *
 * @throws TypeError or RangeError if it has another form, or if the port is not a number from 1 to 65535.
 */
export function parseAddress(text: string, defaultPort: number): Address {
  const { six, name, port } = ADDRESS.exec(text)?.groups ?? {};
  const host = six ?? name;
  if (host === undefined) throw invalidValue("the URL's host", "HOST or HOST:PORT, with IPv6 in brackets", text);
  if (port === undefined || port === "") return { host, port: defaultPort };
  // The text is not shown unless it is a number, because after a user it may be a password.
  if (!/^\d+$/.test(port)) throw invalidValue(`the URL's port of ${JSON.stringify(host)}`, "a number", Number.NaN);
  const number = Number(port);
  if (number < 1 || number > 65_535) throw outOfRange("the URL's port", "a number from 1 to 65535", number);
  return { host, port: number };
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
