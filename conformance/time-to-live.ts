import assert from "node:assert/strict";
import type { EngineCapabilities } from "ipctools";
import { commit, entryOf, holds, keys, set } from "./commit/writing.ts";
import type { Suite } from "./suite.ts";
import { brief, readUntilKey } from "./watch/watching.ts";

/** A short time to live, which the engine takes as it is, in milliseconds. */
function shortest({ ttlMinimum, ttlResolution }: EngineCapabilities): number {
  return Math.ceil(Math.max(ttlMinimum, 150) / ttlResolution) * ttlResolution;
}

export function timeToLive(suite: Suite): void {
  suite.test("an entry goes when its time is over, and watchers see it", async ({ engine, capabilities }) => {
    const ttl = shortest(capabilities);
    const changes = engine.watch([{}]);
    const before = Date.now();
    await commit(engine, set("a", "1", { ttl }), set("stays"));
    const after = Date.now();
    const { expiresAt } = await entryOf(engine, "a");
    assert.ok(expiresAt !== undefined);
    assert.ok(expiresAt >= before + ttl - capabilities.ttlResolution, `${expiresAt - before} ms`);
    assert.ok(expiresAt <= after + ttl + capabilities.ttlResolution, `${expiresAt - after} ms`);
    assert.deepEqual(brief(await readUntilKey(changes, "a", "delete")).at(-1), "delete a");
    assert.ok(Date.now() >= before + ttl - capabilities.ttlResolution);
    assert.equal(await engine.get("a"), undefined);
    assert.deepEqual(await keys(engine), ["stays"]);
    assert.equal(await holds(engine, { checks: [{ key: "a", version: 0 }] }), true);
    await changes.return?.();
  });

  suite.test("an entry whose time is over is not given, listed or checked", async ({ engine, capabilities }) => {
    await commit(engine, set("a", "1", { ttl: shortest(capabilities) }));
    const { expiresAt, version } = await entryOf(engine, "a");
    for (;;) {
      const before = Date.now();
      const entry = await engine.get("a");
      const listed = await keys(engine);
      const current = await holds(engine, { checks: [{ key: "a", version }] });
      if (before > expiresAt! + capabilities.ttlResolution)
        assert.deepEqual([entry, listed, current], [undefined, [], false]);
      if (!entry && listed.length === 0 && !current) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(await holds(engine, { checks: [{ key: "a", version: 0 }], mutations: [set("a", "2")] }), true);
    assert.equal((await entryOf(engine, "a")).createdVersion > version, true);
  });

  suite.test(
    "a set without a time to live takes an earlier one's off, another one replaces it",
    async ({ engine, capabilities }) => {
      const ttl = shortest(capabilities);
      const changes = engine.watch([{}]);
      await commit(engine, set("a", "1", { ttl }), set("b", "1", { ttl }), set("end", "1", { ttl }));
      await commit(engine, set("a", "2"), set("b", "2", { ttl: 3_600_000 }));
      await readUntilKey(changes, "end", "delete");
      assert.equal((await entryOf(engine, "a")).expiresAt, undefined);
      assert.ok((await entryOf(engine, "b")).expiresAt! > Date.now() + 3_000_000);
      await changes.return?.();
    },
  );

  suite.test("a time to live shorter than the engine's shortest is raised to it", async ({ engine, capabilities }) => {
    const changes = engine.watch([{}]);
    const before = Date.now();
    await commit(engine, set("a", "", { ttl: 0.5 }));
    await readUntilKey(changes, "a", "delete");
    assert.ok(Date.now() - before >= capabilities.ttlMinimum - capabilities.ttlResolution);
    await changes.return?.();
  });

  suite.test("a time to live of a year", async ({ engine }) => {
    const year = 365 * 24 * 3600 * 1000;
    await commit(engine, set("a", "", { ttl: year }));
    const { expiresAt } = await entryOf(engine, "a");
    assert.ok(Math.abs(expiresAt! - Date.now() - year) < 60_000);
  });
}
