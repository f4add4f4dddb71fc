import assert from "node:assert/strict";
import { commit, remove, set } from "./commit/writing.ts";
import type { Suite } from "./suite.ts";

export function info(suite: Suite): void {
  suite.test(
    "info tells the engine, whether a value was ever set, the user's keys and the newest version",
    async ({ engine }) => {
      const fresh = await engine.info();
      assert.equal(fresh.engine, engine.name);
      assert.ok(fresh.location.length > 0);
      assert.ok(fresh.durability.length > 0);
      assert.deepEqual([fresh.initialized, fresh.keys], [false, 0]);
      await commit(engine, set("a"), set("b"), set("c", "", { space: "system" }));
      const version = await commit(engine, remove("a"));
      const filled = await engine.info();
      assert.deepEqual([filled.initialized, filled.keys], [true, 1]);
      assert.ok(filled.version >= version);
      await commit(engine, remove("b"));
      const emptied = await engine.info();
      assert.deepEqual([emptied.initialized, emptied.keys], [true, 0]);
    },
  );
}
