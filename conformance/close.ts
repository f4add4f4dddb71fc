import assert from "node:assert/strict";
import { commit, entryOf, set } from "./commit/writing.ts";
import type { Suite } from "./suite.ts";

export function close(suite: Suite): void {
  suite.test("after close every call says so, and closing again is nothing", async ({ engine }) => {
    await commit(engine, set("a"));
    await engine.close();
    await engine.close();
    await engine[Symbol.asyncDispose]();
    const closed = { name: "StoreError", code: "ERR_STORE_CLOSED", retryable: false };
    await assert.rejects(async () => engine.get("a"), closed);
    await assert.rejects(async () => engine.list({}), closed);
    await assert.rejects(async () => engine.commit({ mutations: [set("a")] }), closed);
    await assert.rejects(async () => engine.watch([{}]).next(), closed);
    await assert.rejects(async () => engine.openSession(), closed);
    await assert.rejects(async () => engine.info(), closed);
  });

  suite.test("close ends sessions and pending watches", async ({ engine }) => {
    const session = await engine.openSession();
    const changes = engine.watch([{}]);
    const idle = engine.watch([{}]);
    const pending = assert.rejects(changes.next(), { code: "ERR_STORE_CLOSED" });
    await engine.close();
    await pending;
    await assert.rejects(async () => idle.next(), { code: "ERR_STORE_CLOSED" });
    assert.equal((await changes.next()).done, true);
    assert.equal(session.signal.aborted, true);
    assert.equal(session.signal.reason.code, "ERR_STORE_CLOSED");
    await session.close();
  });

  suite.test("openSession beside close gives no session that lives on", async ({ engine }) => {
    const opening = Promise.allSettled(Array.from({ length: 5 }, async () => engine.openSession()));
    await engine.close();
    for (const outcome of await opening) {
      if (outcome.status === "rejected") assert.equal(outcome.reason.code, "ERR_STORE_CLOSED");
      else assert.equal(outcome.value.signal.aborted, true, "a session that was opened has ended with its engine");
    }
    await assert.rejects(async () => engine.openSession(), { code: "ERR_STORE_CLOSED" });
  });

  suite.test(
    "a session that was opened beside close leaves nothing behind",
    async ({ engine, other }) => {
      const bound = engine.openSession().then(async (session) => {
        await engine.commit({ mutations: [{ ...set("a"), session: session.id }] });
      });
      const closing = engine.close();
      await Promise.allSettled([bound, closing]);
      assert.equal(await other.get("a"), undefined);
    },
    { another: true },
  );

  suite.test(
    "closing one handle leaves the other and its values",
    async ({ engine, other }) => {
      await commit(other, set("a", "1"));
      await other.close();
      assert.equal((await entryOf(engine, "a")).value, "1");
      await commit(engine, set("a", "2"));
    },
    { another: true },
  );
}
