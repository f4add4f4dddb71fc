import assert from "node:assert/strict";
import { commit, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";
import { readUntilKey } from "./watching.ts";

export function watchHistoryLost(suite: Suite): void {
  suite.test(
    "a watch from a version whose history is lost says so, and a fresh listing goes on",
    async ({ engine, forget }) => {
      const from = await commit(engine, set("a"));
      await commit(engine, remove("a"));
      await forget();
      const lost = engine.watch([{}], { from });
      await assert.rejects(async () => lost.next(), { code: "ERR_STORE_HISTORY_LOST", retryable: false });
      assert.equal((await lost.next()).done, true);
      const { version } = await engine.list({});
      const changes = engine.watch([{}], { from: version });
      await commit(engine, set("b"));
      await readUntilKey(changes, "b");
      await changes.return?.();
    },
    { forget: true },
  );

  suite.test("a watch from a version that the store has not come to says so", async ({ engine }) => {
    const version = await commit(engine, set("a"));
    const lost = engine.watch([{}], { from: version + 1_000_000 });
    await assert.rejects(async () => lost.next(), { code: "ERR_STORE_HISTORY_LOST", retryable: false });
    assert.equal((await lost.next()).done, true);
  });
}
