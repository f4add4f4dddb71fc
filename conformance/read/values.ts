import assert from "node:assert/strict";
import type { Value } from "ipctools";
import { commit, entryOf, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";

const TEXTS: Readonly<Record<string, string>> = {
  "the empty string": "",
  "a NUL": "a\0b",
  "only a NUL": "\0",
  newlines: "a\nb\r\nc\r",
  quotes: `'"\`;--$1\\`,
  emoji: "🙂👩‍👩‍👧‍👦",
  "the ends of Unicode's ranges": "\ud7ff\ue000\uffff\u{10000}\u{10ffff}",
  "a byte order mark": "\ufeffa",
  "combining marks as they are": "e\u0301é",
  "a number's digits": "0123",
  spaces: " a ",
};

export function values(suite: Suite): void {
  for (const [name, text] of Object.entries(TEXTS))
    suite.test(`a key and a value of text come back as they were: ${name}`, async ({ engine }) => {
      await commit(engine, set(text, text), set("k", text));
      assert.equal((await entryOf(engine, text)).value, text);
      assert.equal((await entryOf(engine, text)).key, text);
      assert.equal((await entryOf(engine, "k")).value, text);
      const listed = (await engine.list({ key: text })).entries;
      assert.deepEqual(
        listed.map(({ key, value }) => [key, value]),
        [[text, text]],
      );
    });

  suite.test("bytes come back as bytes, all 256 of them and none", async ({ engine }) => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    await commit(engine, set("all", all), set("none", new Uint8Array(0)), set("part", all.subarray(10, 20)));
    assertBytes((await entryOf(engine, "all")).value, all);
    assertBytes((await entryOf(engine, "none")).value, new Uint8Array(0));
    assertBytes((await entryOf(engine, "part")).value, all.slice(10, 20));
    assertBytes((await engine.list({ key: "all" })).entries[0]!.value, all);
  });

  suite.test("text stays text and bytes stay bytes", async ({ engine }) => {
    await commit(engine, set("text", "abc"), set("bytes", new TextEncoder().encode("abc")));
    assert.equal((await entryOf(engine, "text")).value, "abc");
    assertBytes((await entryOf(engine, "bytes")).value, Uint8Array.of(97, 98, 99));
    await commit(engine, set("text", Uint8Array.of(97)), set("bytes", "a"));
    assertBytes((await entryOf(engine, "text")).value, Uint8Array.of(97));
    assert.equal((await entryOf(engine, "bytes")).value, "a");
  });

  suite.test("bytes are copied, in and out", async ({ engine }) => {
    const bytes = Uint8Array.of(1, 2, 3);
    await commit(engine, set("a", bytes));
    bytes[0] = 9;
    const read = (await entryOf(engine, "a")).value as Uint8Array;
    assertBytes(read, Uint8Array.of(1, 2, 3));
    read[0] = 9;
    assertBytes((await entryOf(engine, "a")).value, Uint8Array.of(1, 2, 3));
  });

  suite.test("a value of 1 MiB, or the engine's longest, comes back", async ({ engine, capabilities }) => {
    const length = Math.min(capabilities.limits.valueBytes, capabilities.limits.commitBytes - 100, 1024 * 1024);
    const text = "0123456789abcdef".repeat(Math.ceil(length / 16)).slice(0, length);
    await commit(engine, set("text", text));
    assert.equal((await entryOf(engine, "text")).value === text, true);
    const bytes = new Uint8Array(length).map((_, i) => i % 251);
    await commit(engine, set("bytes", bytes));
    assertBytes((await entryOf(engine, "bytes")).value, bytes);
  });

  suite.test("the longest key comes back", async ({ engine, capabilities }) => {
    const key = "k".repeat(capabilities.limits.keyBytes);
    await commit(engine, set(key, "1"));
    assert.equal((await entryOf(engine, key)).value, "1");
    assert.equal((await engine.list({ start: `${key}\0` })).entries.length, 0);
  });
}

function assertBytes(actual: Value, expected: Uint8Array): void {
  assert.ok(actual instanceof Uint8Array, `bytes, not ${typeof actual}`);
  assert.equal(Buffer.compare(actual, expected), 0);
}
