import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Suite } from "../suite.ts";
import { commit, entryOf, remove, set } from "./writing.ts";

export function versions(suite: Suite): void {
  suite.test("versions are safe integers above 0 that only grow, over all keys", async ({ engine }) => {
    let last = 0;
    for (const key of ["a", "b", "a", "a", "c"]) {
      const version = await commit(engine, set(key));
      assert.ok(Number.isSafeInteger(version));
      assert.ok(version > last, `${version} after ${last}`);
      assert.equal((await entryOf(engine, key)).version, version);
      last = version;
    }
  });

  suite.test("a set of the same value is a write too", async ({ engine }) => {
    const first = await commit(engine, set("a", "1"));
    const second = await commit(engine, set("a", "1"));
    assert.ok(second > first);
    assert.equal((await entryOf(engine, "a")).version, second);
  });

  suite.test("all entries of one commit have its version", async ({ engine }) => {
    const version = await commit(engine, set("a"), set("b"), set("c", "", { space: "system" }));
    assert.equal((await entryOf(engine, "a")).version, version);
    assert.equal((await entryOf(engine, "b")).version, version);
    assert.equal((await entryOf(engine, "c", "system")).version, version);
  });

  suite.test("createdVersion stays with an update and is new after a delete", async ({ engine }) => {
    const created = await commit(engine, set("a", "1"));
    await commit(engine, set("b"));
    await commit(engine, set("a", "2"));
    assert.equal((await entryOf(engine, "a")).createdVersion, created);
    await commit(engine, remove("a"));
    const again = await commit(engine, set("a", "3"));
    assert.equal((await entryOf(engine, "a")).createdVersion, again);
    assert.ok(again > created);
  });

  suite.test("a version is not used again after a delete", async ({ engine }) => {
    const before = await commit(engine, set("a"));
    await commit(engine, remove("a"));
    assert.ok((await commit(engine, set("a"))) > before);
  });

  suite.test("a commit that changes nothing succeeds at the newest version", async ({ engine }) => {
    const version = await commit(engine, set("a"));
    const { ok, version: at, reads } = await engine.commit({});
    assert.deepEqual({ ok, reads }, { ok: true, reads: [] });
    assert.ok(at >= version);
    assert.equal((await engine.commit({ mutations: [remove("absent")] })).ok, true);
    assert.equal((await entryOf(engine, "a")).version, version);
  });

  suite.test(
    "a commit has its entries' version although its reads meet an expired entry",
    async ({ engine, capabilities }) => {
      const { ttlMinimum, ttlResolution } = capabilities;
      const range = { prefix: "range/" };
      const ttl = Math.max(ttlMinimum, ttlResolution, 20);
      const first = await engine.commit({
        mutations: [set("range/short", "", { ttl }), set("range/stays")],
        reads: [{ key: "range/short" }],
      });
      // Nothing looks at the entry meanwhile, so that the commit is the first to notice that the entry has expired.
      const { expiresAt } = first.reads[0]![0]!;
      while (Date.now() <= expiresAt! + ttlResolution) await delay(5);
      const { ok, version, reads } = await engine.commit({
        mutations: [set("range/new")],
        reads: [range, { ...range, limit: 2 }],
      });
      assert.equal(ok, true);
      const expected = [
        ["range/new", version],
        ["range/stays", first.version],
      ];
      for (const entries of reads)
        assert.deepEqual(
          entries.map((entry) => [entry.key, entry.version]),
          expected,
        );
      assert.equal((await entryOf(engine, "range/new")).version, version);
    },
  );
}
