import assert from "node:assert/strict";
import { commit, entryOf, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";

export function sessionSet(suite: Suite): void {
  suite.test("a set for a session that has ended is refused, and nothing of its commit is made", async ({ engine }) => {
    await commit(engine, set("a", "1"));
    const session = await engine.openSession();
    await session.close();
    const late = { mutations: [set("a", "2"), set("b", "", { session: session.id })] };
    await assert.rejects(async () => engine.commit(late), { code: "ERR_STORE_SESSION_LOST", name: "StoreError" });
    assert.equal((await entryOf(engine, "a")).value, "1");
    assert.equal(await engine.get("b"), undefined);
  });

  suite.test(
    "the session of another handle that was closed is refused",
    async ({ engine, other }) => {
      const session = await other.openSession();
      await commit(engine, set("a", "", { session: session.id }));
      await other.close();
      const late = { mutations: [set("b", "", { session: session.id })] };
      await assert.rejects(async () => engine.commit(late), { code: "ERR_STORE_SESSION_LOST" });
    },
    { another: true },
  );

  suite.test("a session that never was is refused", async ({ engine }) => {
    const late = { mutations: [set("b", "", { session: "123456" })] };
    await assert.rejects(async () => engine.commit(late), { code: "ERR_STORE_SESSION_LOST" });
    assert.equal(await engine.get("b"), undefined);
  });

  suite.test("an open session binds entries as often as asked, many at once", async ({ engine, capabilities }) => {
    const session = await engine.openSession();
    const keys = Array.from({ length: Math.min(50, capabilities.limits.commitOperations) }, (_, i) => `k${i}`);
    await commit(engine, ...keys.map((key) => set(key, "1", { session: session.id })));
    await commit(engine, ...keys.map((key) => set(key, "2", { session: session.id })));
    await session.close();
    assert.deepEqual((await engine.list({})).entries, []);
  });
}
