import * as assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine, Listing } from "../../src/engine/contract.ts";
import { memoryEngine } from "../../src/engines/memory/engine.ts";
import { untilState } from "../../src/store/wait-for.ts";
import { Deadline } from "../../src/wait/deadline.ts";

/** A memory engine that keeps one deleted key, so that a watch can miss what happened before it. */
function forgetful(list?: Engine["list"]): Engine {
  const engine = memoryEngine(undefined, { history: 1 });
  if (list !== undefined) engine.list = list;
  return engine;
}

test("untilState() ends at its deadline, also while the store does not answer the listing", async () => {
  const { promise, resolve } = Promise.withResolvers<Listing>();
  const engine = forgetful(() => promise);
  const deadline = new Deadline({ timeout: 20 }, 'key "k"');
  await assert.rejects(
    untilState(engine, "k", deadline, async () => undefined),
    { code: "ERR_STORE_TIMEOUT" },
  );
  deadline[Symbol.dispose]();
  resolve({ entries: [], version: 0 });
  await engine.close();
});

test("untilState() lists again when the changes since its listing are no longer kept", async (t) => {
  const engine = forgetful();
  t.after(() => engine.close());
  const { list } = engine;
  let listings = 0;
  // The first answer is followed by more deletes than the engine keeps, before it is watched from there.
  engine.list = async (range) => {
    const listing = await list.call(engine, range);
    if (listings++ > 0) return listing;
    for (const key of ["a", "b", "k"]) {
      await engine.commit({ mutations: [{ type: "set", key, value: "v" }] });
      if (key !== "k") await engine.commit({ mutations: [{ type: "delete", key }] });
    }
    return listing;
  };
  const deadline = new Deadline({ timeout: 5000 }, 'key "k"');
  const found = await untilState(engine, "k", deadline, async (entry) => entry && { state: entry.value });
  deadline[Symbol.dispose]();
  assert.deepEqual([found, listings], ["v", 2]);
});
