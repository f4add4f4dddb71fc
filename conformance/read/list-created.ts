import assert from "node:assert/strict";
import type { RangeRead } from "ipctools";
import { commit, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";

export function listCreated(suite: Suite): void {
  suite.test(
    "order created: by creation, then by key; an update keeps the place, a new creation loses it",
    async ({ engine }) => {
      const read = async (range: RangeRead = {}) =>
        (await engine.list({ order: "created", ...range })).entries.map(({ key }) => key);
      await commit(engine, set("c"));
      await commit(engine, set("b"), set("a"), set("é"), set("😀"), set("\uffff"));
      await commit(engine, set("0"));
      assert.deepEqual(await read(), ["c", "a", "b", "é", "\uffff", "😀", "0"]);
      await commit(engine, set("c", "again"));
      assert.deepEqual(await read({ limit: 2 }), ["c", "a"]);
      await commit(engine, remove("c"));
      await commit(engine, set("c"));
      assert.deepEqual(await read(), ["a", "b", "é", "\uffff", "😀", "0", "c"]);
      assert.deepEqual(await read({ reverse: true }), ["c", "0", "😀", "\uffff", "é", "b", "a"]);
      assert.deepEqual(await read({ reverse: true, limit: 1 }), ["c"]);
      assert.deepEqual(await read({ start: "a", end: "c" }), ["a", "b"]);
    },
  );
}
