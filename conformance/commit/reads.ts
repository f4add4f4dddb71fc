import assert from "node:assert/strict";
import type { Entry } from "ipctools";
import type { Suite } from "../suite.ts";
import { commit, remove, set } from "./writing.ts";

export function commitReads(suite: Suite): void {
  const briefly = (reads: readonly (readonly Entry[])[]) =>
    reads.map((entries) => entries.map(({ key, value }) => `${key}=${value}`));

  suite.test("a commit's reads see its own mutations", async ({ engine }) => {
    await commit(engine, set("a", "1"), set("b", "1"));
    const result = await engine.commit({
      mutations: [set("a", "2"), remove("b"), set("c", "2")],
      reads: [{ key: "a" }, { key: "b" }, {}],
    });
    assert.deepEqual(briefly(result.reads), [["a=2"], [], ["a=2", "c=2"]]);
    assert.equal(result.reads[0]![0]!.version, result.version);
    assert.equal(result.reads[2]![1]!.createdVersion, result.version);
  });

  suite.test("a commit whose checks fail answers its reads of the state that they met", async ({ engine }) => {
    const version = await commit(engine, set("a", "1"));
    const result = await engine.commit({
      checks: [{ key: "a", version: 0 }],
      mutations: [set("a", "2"), set("b")],
      reads: [{ key: "a" }, { prefix: "" }],
    });
    assert.equal(result.ok, false);
    assert.deepEqual(briefly(result.reads), [["a=1"], ["a=1"]]);
    assert.equal(result.reads[0]![0]!.version, version);
  });

  suite.test(
    "a commit's reads take order, direction and limit: a place in a queue and its predecessor",
    async ({ engine }) => {
      for (const key of ["q/c", "q/a", "q/b"]) await commit(engine, set(key, key));
      const { reads } = await engine.commit({
        mutations: [set("q/0")],
        reads: [
          { prefix: "q/", order: "created", limit: 1 },
          { prefix: "q/", order: "created", reverse: true, limit: 2 },
          { prefix: "q/", reverse: true, limit: 1 },
          { prefix: "q/", start: "q/b" },
          { space: "system" },
        ],
      });
      assert.deepEqual(
        reads.map((entries) => entries.map(({ key }) => key)),
        [["q/c"], ["q/0", "q/b"], ["q/c"], ["q/b", "q/c"], []],
      );
    },
  );

  suite.test("reads alone are a snapshot of several ranges", async ({ engine }) => {
    await commit(engine, set("a", "1"), set("b", "1", { space: "system" }));
    const { ok, reads } = await engine.commit({ reads: [{}, { space: "system" }] });
    assert.equal(ok, true);
    assert.deepEqual(briefly(reads), [["a=1"], ["b=1"]]);
    assert.equal(reads[1]![0]!.space, "system");
  });
}
