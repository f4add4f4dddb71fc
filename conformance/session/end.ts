import assert from "node:assert/strict";
import { commit, entryOf, holds, keys, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";
import { brief, readUntil, readUntilKey } from "../watch/watching.ts";

export function sessionEnd(suite: Suite): void {
  suite.test("entries of a session go when it is closed, and watchers see it", async ({ engine }) => {
    const session = await engine.openSession();
    const changes = engine.watch([{}]);
    await commit(engine, set("a", "1", { session: session.id }), set("b", "1", { session: session.id }), set("c"));
    assert.equal((await entryOf(engine, "a")).session, session.id);
    assert.equal((await entryOf(engine, "c")).session, undefined);
    await session.close();
    assert.deepEqual(await keys(engine), ["c"]);
    assert.equal(await engine.get("a"), undefined);
    const seen = await readUntil(changes, (all) => all.filter(({ type }) => type === "delete").length === 2);
    assert.deepEqual(brief(seen.filter(({ type }) => type === "delete")).sort(), ["delete a", "delete b"]);
    await changes.return?.();
  });

  suite.test("entries of the system space go with a session too", async ({ engine }) => {
    const session = await engine.openSession();
    const changes = engine.watch([{ prefix: "q/", space: "system" }]);
    await commit(engine, set("q/1", "", { space: "system", session: session.id }));
    await session.close();
    await readUntilKey(changes, "q/1", "delete");
    assert.deepEqual(await keys(engine, { space: "system", prefix: "q/" }), []);
    await changes.return?.();
  });

  suite.test("the end of a session fails the checks on its entries", async ({ engine }) => {
    const session = await engine.openSession();
    const version = await commit(engine, set("a", "", { session: session.id }));
    assert.equal(await holds(engine, { checks: [{ key: "a", version }] }), true);
    await session.close();
    assert.equal(await holds(engine, { checks: [{ key: "a", version }] }), false);
    assert.equal(await holds(engine, { checks: [{ empty: { key: "a" } }, { key: "a", version: 0 }] }), true);
    const again = await commit(engine, set("a"));
    assert.ok(again > version);
  });

  suite.test("a set without the session, a delete, or another session's set unbinds an entry", async ({ engine }) => {
    const session = await engine.openSession();
    const heir = await engine.openSession();
    assert.notEqual(session.id, heir.id);
    await commit(engine, ...["a", "b", "c", "d"].map((key) => set(key, "1", { session: session.id })));
    await commit(engine, set("a", "2"), remove("b"), set("c", "2", { session: heir.id }));
    await commit(engine, set("b", "2"));
    await session.close();
    assert.deepEqual(await keys(engine), ["a", "b", "c"]);
    assert.equal((await entryOf(engine, "a")).session, undefined);
    await heir.close();
    assert.deepEqual(await keys(engine), ["a", "b"]);
  });

  suite.test("a session's signal is aborted when it is closed, and closing twice is one", async ({ engine }) => {
    const session = await engine.openSession();
    assert.equal(session.signal.aborted, false);
    await session.close();
    assert.equal(session.signal.aborted, true);
    assert.equal(session.signal.reason.code, "ERR_STORE_CLOSED");
    await session.close();
    const other = await engine.openSession();
    await other[Symbol.asyncDispose]();
    assert.equal(other.signal.aborted, true);
  });

  suite.test(
    "closing a handle ends its sessions, which another handle sees; the rest of its values stay",
    async ({ engine, other }) => {
      const session = await other.openSession();
      const mine = await engine.openSession();
      await commit(other, set("theirs", "", { session: session.id }), set("stays"));
      await commit(engine, set("mine", "", { session: mine.id }));
      const changes = engine.watch([{}]);
      await other.close();
      assert.equal(session.signal.aborted, true);
      assert.deepEqual(brief(await readUntilKey(changes, "theirs", "delete")), ["delete theirs"]);
      assert.deepEqual(await keys(engine), ["mine", "stays"]);
      assert.equal(mine.signal.aborted, false);
      await changes.return?.();
    },
    { another: true },
  );

  suite.test(
    "an entry bound by one handle is seen with its session by another, which may delete it",
    async ({ engine, other }) => {
      const session = await other.openSession();
      await commit(other, set("a", "", { session: session.id }));
      assert.equal((await entryOf(engine, "a")).session, session.id);
      await commit(engine, remove("a"));
      assert.equal(session.signal.aborted, false);
      await commit(other, set("a", "2", { session: session.id }));
      assert.equal((await entryOf(engine, "a")).value, "2");
    },
    { another: true },
  );
}
