import assert from "node:assert/strict";
import { commit, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";
import { brief, readUntilKey } from "./watching.ts";

export function watchEnd(suite: Suite): void {
  suite.test("return() ends a pending next() and the watch", async ({ engine }) => {
    const changes = engine.watch([{}]);
    const pending = changes.next();
    assert.equal((await changes.return!()).done, true);
    assert.equal((await pending).done, true);
    await commit(engine, set("a"));
    assert.equal((await changes.next()).done, true);
    assert.equal((await changes.return!()).done, true);
  });

  suite.test("for await ends a watch with break", async ({ engine }) => {
    const changes = engine.watch([{}]);
    await commit(engine, set("a"));
    for await (const batch of changes) {
      assert.deepEqual(brief(batch), ["set a"]);
      break;
    }
    assert.equal((await changes.next()).done, true);
  });

  suite.test("an aborted signal ends a watch with its reason", async ({ engine }) => {
    const controller = new AbortController();
    const changes = engine.watch([{}], { signal: controller.signal });
    const pending = changes.next();
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(pending, (error) => error === reason);
    assert.equal((await changes.next()).done, true);
  });

  suite.test("a signal that was aborted before ends a watch at its first next()", async ({ engine }) => {
    const reason = new Error("too late");
    const changes = engine.watch([{}], { signal: AbortSignal.abort(reason) });
    await assert.rejects(
      async () => changes.next(),
      (error) => error === reason,
    );
  });

  suite.test("several calls of next() are answered in their order", async ({ engine }) => {
    const changes = engine.watch([{}]);
    const first = changes.next();
    const second = changes.next();
    await commit(engine, set("a"));
    assert.deepEqual(brief((await first).value), ["set a"]);
    await commit(engine, set("b"));
    assert.deepEqual(brief((await second).value), ["set b"]);
    await commit(engine, set("c"));
    assert.deepEqual(brief(await readUntilKey(changes, "c")), ["set c"]);
    await changes.return?.();
  });
}
