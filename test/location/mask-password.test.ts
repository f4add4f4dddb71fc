import assert from "node:assert/strict";
import test from "node:test";
import { inspect } from "node:util";
import { parseEtcdLocation } from "../../src/engines/etcd/connect/location.ts";
import { defaultLocation, parseLocation } from "../../src/engines/location.ts";
import { parseRedisLocation } from "../../src/engines/redis/connect/location.ts";
import { maskPassword, maskPasswords } from "../../src/location/mask-password.ts";
import { randomNumbers } from "../linearizability/history/simulation.ts";

const URLS: readonly (readonly [url: string, masked: string])[] = [
  ["etcd://user:PW@host:2379/prefix", "etcd://user:***@host:2379/prefix"],
  ["redis://:PW@host/3", "redis://:***@host/3"],
  ["redis+sentinel://u:PW@a:1,b:2/name", "redis+sentinel://u:***@a:1,b:2/name"],
  ["etcd://user:P/W?P#W@P:W@host/x", "etcd://user:***@host/x"],
  ["etcd://user:P W@host", "etcd://user:***@host"],
  ["redis://u:PW@host/one?prefix=p@q", "redis://u:***@q"],
  ["etcd:user:PW@host", "etcd:***@host"],
  ["redis:/user:PW@host", "redis:***@host"],
  ["me:PW@host", "me:***@host"],
  ["file://@O:PW@@h", "file://***@h"],
  ["etcd://PW/PW@host", "etcd://***@host"],
  ["postgres://host/?password=PW&ssl=on", "postgres://host/?password=***&ssl=on"],
  ["redis://h?sentinelPassword=P#W?P/W", "redis://h?sentinelPassword=***"],
  ["redis://h?sentinelPassword=P@W", "redis://***@***"],
  ["redis://h?sentinelPass%77ord=PW", "redis://h?sentinelPass%77ord=***"],
  ["redis://u:PW?password=PW@h?x", "redis://u:***@***"],
  // Nothing to hide.
  ["etcd://user@host/prefix", "etcd://user@host/prefix"],
  ["etcd://host:2379/x?timeout=5&ca=/a.pem", "etcd://host:2379/x?timeout=5&ca=/a.pem"],
  ["https://host/@user/page", "https://host/@user/page"],
  ["file:///home/a@b/store.db", "file:///home/a@b/store.db"],
];

for (const [url, masked] of URLS)
  test(`maskPassword() of ${url}`, () => {
    assert.equal(maskPassword(url), masked);
    assert.equal(maskPassword(masked), masked);
  });

const TEXTS: readonly (readonly [text: string, masked: string])[] = [
  ["from etcd://a:PW@h/x to redis://:PW@[::1]:1, at once", "from etcd://a:***@h/x to redis://:***@[::1]:1, at once"],
  ["etcd://a:PW@h and redis://:PW@h", "etcd://a:***@h"],
  ['got "etcd://a:P\\"W W@h", ask me@h', 'got "etcd://a:***@h", ask me@h'],
  ["/work/ etcd:/u:PW@h is a directory", "/work/ etcd:***@h is a directory"],
  ["--store=etcd://u:P W@h", "--store=etcd://u:***@h"],
  ["redis:/user:PW@host", "redis:***@host"],
  // No URL.
  ["/home/a@b/store.db", "/home/a@b/store.db"],
  ["C:\\x\\a@b", "C:\\x\\a@b"],
  ["Write to me@example.com: a@b", "Write to me@example.com: a@b"],
  ["the key user:me@example.com", "the key user:me@example.com"],
  [
    "Cannot reach etcd://host:2379/x: write to me@example.com",
    "Cannot reach etcd://host:2379/x: write to me@example.com",
  ],
];

for (const [text, masked] of TEXTS)
  test(`maskPasswords() of ${text}`, () => {
    assert.equal(maskPasswords(text), masked);
    assert.equal(maskPasswords(masked), masked);
  });

test("maskPasswords() takes time in proportion to the text", () => {
  for (const part of ["a", "etcd", "etcd:", "a://", "?%", '"etcd://', "--=", " ", "@"]) {
    const begun = performance.now();
    maskPasswords(part.repeat(100_000 / part.length));
    maskPassword(`etcd://${part.repeat(100_000 / part.length)}@`);
    assert.ok(performance.now() - begun < 1000, `${part}: ${performance.now() - begun} ms`);
  }
});

test("a password is not in the error for IPCTOOLS_STORE that begins with a space", (t) => {
  const before = process.env.IPCTOOLS_STORE;
  t.after(() => {
    if (before === undefined) delete process.env.IPCTOOLS_STORE;
    else process.env.IPCTOOLS_STORE = before;
  });
  process.env.IPCTOOLS_STORE = " etcd://u:PW@h";
  assert.throws(defaultLocation, { code: "ERR_INVALID_ARG_VALUE", message: /" etcd:\/\/u:\*\*\*@h"/ });
});

/** URLs of all schemes, well formed and malformed, with the marker in the password. */
class UrlGenerator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!;
  }

  #noise(characters: string): string {
    return Array.from({ length: Math.floor(this.#random() * 5) }, () => this.#pick([...characters])).join("");
  }

  next(marker: string): string {
    const schemes = ["file", "memory", "etcd", "etcds", "redis", "rediss", "redis+sentinel", "rediss+sentinel"];
    const scheme = this.#pick([...schemes, "ETCD", "http", "postgres", "me"]);
    const start = scheme + this.#pick(["://", "://", "://", ":", ":/", ":///"]);
    const host = this.#pick(["host", "127.0.0.1:1", "[::1]:2", "[", "a,,b", "a:x", "a:99999", "a b", ""]);
    const path = this.#pick(["", "/", "/x", "/0/1", "/%zz", "/a b"]);
    if (this.#random() < 0.2) {
      const value = `${this.#noise("ab/?#@: %=")}${marker}${this.#noise("ab/?#@: %=")}`;
      const name = this.#pick(["password", "sentinelPassword", "PASSWORD", "sentinelPass%77ord", "x-password-y"]);
      const query = `${name}=${this.#random() < 0.5 ? encodeURIComponent(value) : value}`;
      return `${start}${host}${path}?${this.#pick(["", "prefix=&", "bogus=1&"])}${query}${this.#pick(["", "&evictable=allow"])}`;
    }
    const password = `${this.#noise("ab/?#@: %&=+\"'\\[]{}é")}${marker}${this.#noise("ab/?#@: %&=+\"'\\[]{}é")}`;
    const credentials = `${this.#pick(["", "user", "us%65r", "@O", "o/w", "a b", "%zz"])}:${
      this.#random() < 0.5 ? encodeURIComponent(password) : password
    }`;
    const rest = this.#pick(["", "", "?timeout=soon", "?bogus=1", "?prefix={", "#fragment", "?password=x", "?a@b"]);
    return `${start}${credentials}@${host}${path}${rest}`;
  }
}

test("a password is in no masked text and in no error, whatever form its URL has", () => {
  const seed = 20_261;
  const urls = new UrlGenerator(seed);
  const outcomes = { parsed: 0, refused: 0 };
  for (let i = 0; i < 5_000; i++) {
    const marker = `S3cret${i}x`;
    const url = urls.next(marker);
    const hides = (shown: string, by: string) =>
      assert.ok(!shown.includes(marker), `seed ${seed}, ${by} of ${JSON.stringify(url)}: ${shown}`);
    hides(maskPassword(url), "maskPassword");
    // In a text, a key such as user:me@host is not a URL.
    if (/^(etcd|redis)|^[a-z+]+:\/\//i.test(url)) {
      hides(maskPasswords(`Cannot open ${JSON.stringify(url)}: see "x@y"`), "maskPasswords in quotes");
      hides(maskPasswords(`--store=${url}`), "maskPasswords of an option");
      hides(maskPasswords(`Cannot open ${url.replaceAll(/\s/g, "")} at 5:00`), "maskPasswords");
    }
    for (const parse of [parseLocation, parseEtcdLocation, parseRedisLocation])
      try {
        const { shown, safe } = parse(url) as { shown?: string; safe?: string };
        hides(`${shown} ${safe}`, parse.name);
        outcomes.parsed++;
      } catch (error) {
        hides(inspect(error, { depth: null, showHidden: true }), parse.name);
        outcomes.refused++;
      }
  }
  assert.ok(outcomes.parsed > 1000 && outcomes.refused > 1000, inspect(outcomes));
});
