import assert from "node:assert/strict";
import { commit, entryOf, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";

export function get(suite: Suite): void {
  suite.test("get gives the entry of a key that was set, with its version", async ({ engine }) => {
    const version = await commit(engine, set("a", "1"));
    assert.deepEqual(await engine.get("a"), { key: "a", value: "1", version, createdVersion: version });
  });

  suite.test("get of a key that was never set gives undefined", async ({ engine }) => {
    assert.equal(await engine.get("a"), undefined);
    await commit(engine, set("ab"));
    assert.equal(await engine.get("a"), undefined);
    assert.equal(await engine.get("abc"), undefined);
  });

  suite.test("get of a deleted key gives undefined, also if it is deleted again", async ({ engine }) => {
    await commit(engine, set("a"));
    await commit(engine, remove("a"));
    assert.equal(await engine.get("a"), undefined);
    await commit(engine, remove("a"));
    assert.equal(await engine.get("a"), undefined);
  });

  suite.test(
    "get sees at once what another handle wrote",
    async ({ engine, other }) => {
      for (let i = 0; i < 50; i++) {
        await commit(other, set("a", String(i)));
        assert.equal((await entryOf(engine, "a")).value, String(i));
      }
      await commit(engine, remove("a"));
      assert.equal(await other.get("a"), undefined);
    },
    { another: true },
  );
}
