import assert from "node:assert/strict";
import type { Suite } from "../suite.ts";
import { commit, holds, remove, set } from "./writing.ts";

export function rangeEmpty(suite: Suite): void {
  suite.test("a check on an empty prefix fails with any key below it", async ({ engine }) => {
    const check = { checks: [{ empty: { prefix: "p/" } }], mutations: [set("seen")] };
    await commit(engine, set("p"), set("p0"), set("q/"), set("p/x", "", { space: "system" }));
    assert.equal(await holds(engine, check), true);
    await commit(engine, set("p/x"));
    assert.equal(await holds(engine, check), false);
    await commit(engine, remove("p/x"), set("p/"));
    assert.equal(await holds(engine, check), false);
    await commit(engine, remove("p/"));
    assert.equal(await holds(engine, check), true);
  });

  suite.test("a check on an empty interval: the start belongs to it, the end does not", async ({ engine }) => {
    const empty = { start: "b", end: "d" };
    await commit(engine, set("a"), set("d"));
    assert.equal(await holds(engine, { checks: [{ empty }] }), true);
    await commit(engine, set("b"));
    assert.equal(await holds(engine, { checks: [{ empty }] }), false);
    assert.equal(await holds(engine, { checks: [{ empty: { ...empty, start: "b\0" } }] }), true);
  });

  suite.test("a check on an empty prefix from a start on", async ({ engine }) => {
    await commit(engine, set("p/1"), set("q"));
    assert.equal(await holds(engine, { checks: [{ empty: { prefix: "p/", start: "p/2" } }] }), true);
    assert.equal(await holds(engine, { checks: [{ empty: { prefix: "p/", end: "p/1" } }] }), true);
    assert.equal(await holds(engine, { checks: [{ empty: { prefix: "p/", start: "p/1" } }] }), false);
  });

  suite.test("a check on a whole space and on one key", async ({ engine }) => {
    assert.equal(await holds(engine, { checks: [{ empty: {} }, { empty: { space: "system" } }] }), true);
    await commit(engine, set("a"));
    assert.equal(await holds(engine, { checks: [{ empty: {} }] }), false);
    assert.equal(await holds(engine, { checks: [{ empty: { space: "system" } }] }), true);
    assert.equal(await holds(engine, { checks: [{ empty: { key: "a" } }] }), false);
    assert.equal(await holds(engine, { checks: [{ empty: { key: "aa" } }] }), true);
  });

  suite.test("a check on an empty range sees the state before its commit's mutations", async ({ engine }) => {
    assert.equal(await holds(engine, { checks: [{ empty: { prefix: "p" } }], mutations: [set("p1")] }), true);
    assert.equal(await holds(engine, { checks: [{ empty: { prefix: "p" } }], mutations: [remove("p1")] }), false);
  });
}
