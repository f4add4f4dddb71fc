import assert from "node:assert/strict";
import type { RangeRead } from "ipctools";
import { commit, keys, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";

/** In the order of their UTF-8 bytes, which is not the one of UTF-16 units: 😀 comes after U+FFFF. */
const ORDERED = [
  "",
  "\0",
  "\0\0",
  "A",
  "a",
  "a\0",
  "a\0b",
  "a/",
  "aa",
  "b",
  "é",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "😀",
  "\u{10ffff}",
];

export function list(suite: Suite): void {
  suite.test("a listing of nothing is empty", async ({ engine }) => {
    const { entries, version } = await engine.list({});
    assert.deepEqual(entries, []);
    assert.ok(Number.isSafeInteger(version) && version >= 0);
  });

  suite.test("keys are listed in the order of their UTF-8 bytes", async ({ engine }) => {
    for (const key of [...ORDERED].sort((a, b) => ((a.length * 7 + b.length * 3) % 5) - 2))
      await commit(engine, set(key));
    assert.deepEqual(await keys(engine), ORDERED);
    assert.deepEqual(await keys(engine, { reverse: true } as RangeRead), ORDERED.toReversed());
  });

  suite.test("start belongs to the range, end does not, and any string can be either", async ({ engine }) => {
    await commit(engine, ...ORDERED.map((key) => set(key)));
    for (let i = 0; i < ORDERED.length; i++) {
      assert.deepEqual(await keys(engine, { start: ORDERED[i]! }), ORDERED.slice(i));
      assert.deepEqual(await keys(engine, { end: ORDERED[i]! }), ORDERED.slice(0, i));
      assert.deepEqual(await keys(engine, { key: ORDERED[i]! }), [ORDERED[i]]);
      assert.deepEqual(
        await keys(engine, { prefix: ORDERED[i]! }),
        ORDERED.filter((key) => key.startsWith(ORDERED[i]!)),
      );
    }
    assert.deepEqual(await keys(engine, { start: "b", end: "a" }), []);
    assert.deepEqual(await keys(engine, { start: "a", end: "a" }), []);
  });

  suite.test("a prefix is text, not a pattern", async ({ engine }) => {
    await commit(engine, ...["a%b", "a_b", "axb", "a*b", "a[b]", "a\\b", "A%B"].map((key) => set(key)));
    for (const key of ["a%", "a_", "a*", "a[b", "a\\"])
      assert.deepEqual(
        await keys(engine, { prefix: key }),
        (await keys(engine)).filter((found) => found.startsWith(key)),
      );
  });

  suite.test("prefix, start and end hold together", async ({ engine }) => {
    await commit(engine, ...["o", "p/1", "p/2", "p/3", "q"].map((key) => set(key)));
    assert.deepEqual(await keys(engine, { prefix: "p/", start: "p/2" }), ["p/2", "p/3"]);
    assert.deepEqual(await keys(engine, { prefix: "p/", end: "p/3" }), ["p/1", "p/2"]);
    assert.deepEqual(await keys(engine, { prefix: "p/", start: "a", end: "z" }), ["p/1", "p/2", "p/3"]);
    assert.deepEqual(await keys(engine, { prefix: "p/", start: "p/1\0", end: "p/3" }), ["p/2"]);
    assert.deepEqual(await keys(engine, { prefix: "p/", start: "q" }), []);
  });

  suite.test("limit and reverse", async ({ engine }) => {
    await commit(engine, ...["a", "b", "c", "d"].map((key) => set(key)));
    const read = async (range: RangeRead) => (await engine.list(range)).entries.map(({ key }) => key);
    assert.deepEqual(await read({ limit: 2 }), ["a", "b"]);
    assert.deepEqual(await read({ limit: 9 }), ["a", "b", "c", "d"]);
    assert.deepEqual(await read({ limit: 1, reverse: true }), ["d"]);
    assert.deepEqual(await read({ start: "b", end: "d", limit: 1, reverse: true }), ["c"]);
  });

  suite.test(
    "pages of a long listing, forwards and backwards, make the whole of it",
    async ({ engine, capabilities }) => {
      const all = Array.from({ length: 250 }, (_, i) => `key ${String(i).padStart(4, "0")}`);
      const step = Math.min(50, capabilities.limits.commitOperations);
      for (let i = 0; i < all.length; i += step) await commit(engine, ...all.slice(i, i + step).map((key) => set(key)));
      const forwards: string[] = [];
      for (let start = ""; ; ) {
        const { entries } = await engine.list({ prefix: "key ", start, limit: 33 });
        forwards.push(...entries.map(({ key }) => key));
        if (entries.length < 33) break;
        start = `${entries.at(-1)!.key}\0`;
      }
      assert.deepEqual(forwards, all);
      const backwards: string[] = [];
      for (let end: string | undefined; ; ) {
        const { entries } = await engine.list({ limit: 33, reverse: true, ...(end !== undefined && { end }) });
        backwards.push(...entries.map(({ key }) => key));
        if (entries.length < 33) break;
        end = entries.at(-1)!.key;
      }
      assert.deepEqual(backwards, all.toReversed());
    },
  );

  suite.test("a listing's version is the one that it was read at", async ({ engine }) => {
    const version = await commit(engine, set("a"), set("b"));
    assert.ok((await engine.list({ prefix: "x" })).version >= version);
    const later = await commit(engine, remove("a"));
    const listing = await engine.list({});
    assert.ok(listing.version >= later);
    assert.deepEqual(
      listing.entries.map(({ key }) => key),
      ["b"],
    );
  });
}
