import assert from "node:assert/strict";
import type { Suite } from "../suite.ts";
import { commit, entryOf, holds, remove, set } from "./writing.ts";

export function commitChecks(suite: Suite): void {
  suite.test("create: a check on version 0 holds only where there is no entry", async ({ engine }) => {
    const create = { checks: [{ key: "a", version: 0 }], mutations: [set("a", "1")] };
    assert.equal(await holds(engine, create), true);
    assert.equal(await holds(engine, { ...create, mutations: [set("a", "2")] }), false);
    assert.equal((await entryOf(engine, "a")).value, "1");
    await commit(engine, remove("a"));
    assert.equal(await holds(engine, create), true);
  });

  suite.test("a check on a version holds only while it is the last write's", async ({ engine }) => {
    const first = await commit(engine, set("a", "1"));
    const swap = (version: number, value: string) =>
      engine.commit({ checks: [{ key: "a", version }], mutations: [set("a", value)] });
    const second = await swap(first, "2");
    assert.equal(second.ok, true);
    assert.equal((await swap(first, "3")).ok, false);
    assert.equal((await entryOf(engine, "a")).value, "2");
    await commit(engine, remove("a"));
    assert.equal((await swap(second.version, "3")).ok, false);
    await commit(engine, set("a", "2"));
    assert.equal((await swap(second.version, "3")).ok, false);
  });

  suite.test("a write of another key leaves a check standing", async ({ engine }) => {
    const version = await commit(engine, set("a"));
    await commit(engine, set("b"));
    assert.equal(await holds(engine, { checks: [{ key: "a", version }], mutations: [remove("b")] }), true);
  });

  suite.test("one check that fails, and nothing is changed", async ({ engine }) => {
    const version = await commit(engine, set("a", "1"), set("b", "1"));
    const result = await engine.commit({
      checks: [
        { key: "a", version },
        { key: "b", version: version + 1 },
      ],
      mutations: [set("a", "2"), remove("b"), set("c", "2")],
    });
    assert.equal(result.ok, false);
    assert.ok(result.version >= version);
    assert.equal((await entryOf(engine, "a")).value, "1");
    assert.equal((await entryOf(engine, "b")).value, "1");
    assert.equal(await engine.get("c"), undefined);
  });

  suite.test("a check may stand for a key that is not changed", async ({ engine }) => {
    const version = await commit(engine, set("fence"));
    const fenced = { checks: [{ key: "fence", version }], mutations: [set("a", "1")] };
    assert.equal(await holds(engine, fenced), true);
    await commit(engine, set("fence"));
    assert.equal(await holds(engine, fenced), false);
  });

  suite.test("checks without mutations tell how things stand", async ({ engine }) => {
    const version = await commit(engine, set("a"));
    assert.equal(await holds(engine, { checks: [{ key: "a", version }] }), true);
    assert.equal(await holds(engine, { checks: [{ key: "a", version: 0 }] }), false);
    assert.equal(await holds(engine, { checks: [{ key: "b", version: 0 }] }), true);
    assert.equal((await entryOf(engine, "a")).version, version);
  });

  suite.test("checks see the state before the mutations of their commit", async ({ engine }) => {
    const version = await commit(engine, set("a"));
    const result = await engine.commit({
      checks: [
        { key: "a", version },
        { key: "b", version: 0 },
      ],
      mutations: [remove("a"), set("b")],
    });
    assert.equal(result.ok, true);
    assert.equal(await engine.get("a"), undefined);
    assert.equal((await entryOf(engine, "b")).version, result.version);
  });
}
