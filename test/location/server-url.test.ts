import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import test from "node:test";
import { formatAddress, parseAddress } from "../../src/location/address.ts";
import { parseServerUrl } from "../../src/location/server-url.ts";
import { readTlsFiles } from "../../src/location/tls-files.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const VALUE = "ERR_INVALID_ARG_VALUE";
const FORM = { text: "x://HOST", schemes: ["x", "xs"], parameters: ["a", "b"] };

test("parseAddress() and formatAddress()", () => {
  const ADDRESSES = [
    ["host", { host: "host", port: 7 }, "host:7"],
    ["host:", { host: "host", port: 7 }, "host:7"],
    ["host:65535", { host: "host", port: 65_535 }, "host:65535"],
    ["[::1]", { host: "::1", port: 7 }, "[::1]:7"],
    ["[fe80::1]:1", { host: "fe80::1", port: 1 }, "[fe80::1]:1"],
  ] as const;
  for (const [text, address, formatted] of ADDRESSES) {
    assert.deepEqual(parseAddress(text, 7), address);
    assert.equal(formatAddress(address), formatted);
    assert.deepEqual(parseAddress(formatted, 8), address);
  }
  for (const text of ["", "a b", "::1", "[::1", "a:1:2", "[x]", "a:one", "a:-1", "a:1.5"])
    assert.throws(() => parseAddress(text, 7), { code: VALUE }, text);
  for (const text of ["a:0", "a:65536", "[::1]:99999"])
    assert.throws(() => parseAddress(text, 7), { code: "ERR_OUT_OF_RANGE" }, text);
});

test("parseAddress() does not show what stands where the port should be: the host after a password may be missing", () => {
  assert.throws(
    () => parseAddress("user:PW", 7),
    ({ message }: Error) => message.includes("user") && !message.includes("PW"),
  );
});

test("parseServerUrl() takes a URL apart", () => {
  assert.deepEqual(parseServerUrl("XS://me:p%40%2F%3A%C3%A9@a:1,[::1]/p%20q?a=1&b=%26", FORM), {
    scheme: "xs",
    user: "me",
    password: "p@/:é",
    hosts: ["a:1", "[::1]"],
    path: "/p%20q",
    parameters: new Map([
      ["a", "1"],
      ["b", "&"],
    ]),
  });
  const { user, password, hosts, path } = parseServerUrl("x://:p:q@", FORM);
  assert.deepEqual([user, password, hosts, path], [undefined, "p:q", [""], ""]);
});

test("parseServerUrl() refuses an @ after the hosts: what stands before may be a part of the password", () => {
  for (const url of ["x://h/@", "x://h?a=@", "x://u:p@h/q@i", "x://u:p@h?a=q@i", "x://u:p/q@i", "x://u:p#q@i"])
    assert.throws(() => parseServerUrl(url, FORM), { code: VALUE, message: /percent-encoded/ }, url);
  for (const url of ["x:h", "h", "y://h", "x://h?c=1", "x://h?a=1&a=2", "x://h#f", "x://%zz@h", "x://u:%zz@h"])
    assert.throws(() => parseServerUrl(url, FORM), { code: VALUE }, url);
  assert.throws(() => parseServerUrl(undefined, FORM), { code: "ERR_INVALID_ARG_TYPE" });
});

test("readTlsFiles() reads what the parameters name, and nothing without TLS", (t) => {
  const file = (name: string) => {
    const at = path.join(temporaryFolder(t), name);
    fs.writeFileSync(at, name);
    return at;
  };
  const all = new Map([
    ...["ca", "cert", "key"].map((name) => [name, file(name)] as const),
    ["servername", "s"] as const,
  ]);
  assert.deepEqual(readTlsFiles(true, all), {
    ca: Buffer.from("ca"),
    cert: Buffer.from("cert"),
    key: Buffer.from("key"),
    servername: "s",
  });
  assert.deepEqual(readTlsFiles(true, new Map([["ca", ""]])), {});
  assert.equal(readTlsFiles(false, new Map([["ca", ""]])), undefined);
  for (const name of ["cert", "key"])
    assert.throws(() => readTlsFiles(true, new Map([[name, all.get(name)!]])), {
      code: VALUE,
      message: /both or neither/,
    });
  for (const [name, value] of all)
    assert.throws(() => readTlsFiles(false, new Map([[name, value]])), {
      code: VALUE,
      message: new RegExp(`TLS.*${name}`),
    });
  assert.throws(() => readTlsFiles(true, new Map([["ca", "/no/such/file"]])), {
    code: "ERR_STORE_IO",
    message: /"\/no\/such\/file".*parameter ca/,
  });
});
