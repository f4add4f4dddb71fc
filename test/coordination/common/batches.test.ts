import * as assert from "node:assert/strict";
import { test } from "node:test";
import { Batches, type Call } from "../../../src/coordination/common/batches.ts";
import { batchLimits } from "../../../src/engine/limits.ts";

interface Item extends Call<string> {
  readonly name: string;
}

/** Batches whose commits the test lets through one by one. */
function gated(limits?: { calls: number; bytes: number }) {
  const commits: { names: string; let: PromiseWithResolvers<void> }[] = [];
  const batches = new Batches<string, Item>(async (batch) => {
    const gate = Promise.withResolvers<void>();
    commits.push({ names: batch.map(({ name }) => name).join(""), let: gate });
    await gate.promise;
    for (const { name, result } of batch)
      name === "x" ? result.reject(new Error("its own")) : result.resolve(`${name}!`);
  }, limits);
  const add = (name: string, more: Omit<Call<string>, "result"> = {}) =>
    batches.add({ name, ...more, result: Promise.withResolvers() });
  const names = () => commits.map((commit) => commit.names);
  return { batches, commits, names, add };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("calls that come while a commit is under way go together in the next one, in their order", async () => {
  const { batches, commits, names, add } = gated();
  const first = [add("a"), add("b")];
  await turn();
  const second = [add("c"), add("x"), add("d")];
  second[1]!.catch(() => {});
  let isIdle = false;
  const idle = batches.idle().then(() => {
    isIdle = true;
  });
  await turn();
  assert.deepEqual(names(), ["ab"]);
  commits[0]!.let.resolve();
  assert.deepEqual(await Promise.all(first), ["a!", "b!"]);
  await turn();
  assert.deepEqual([names(), isIdle], [["ab", "cxd"], false]);
  commits[1]!.let.resolve();
  assert.deepEqual([await second[0], await second[2]], ["c!", "d!"]);
  await assert.rejects(second[1]!, { message: "its own" });
  await idle;
});

test("a commit that fails rejects its own calls alone", async () => {
  const { commits, add } = gated();
  const first = add("a");
  await turn();
  const second = add("b");
  commits[0]!.let.reject(new Error("no"));
  await assert.rejects(first, { message: "no" });
  await turn();
  commits[1]!.let.resolve();
  assert.equal(await second, "b!");
});

test("a batch ends at the limits of calls and of bytes, and holds one call at least", async () => {
  const { commits, names, add } = gated({ calls: 3, bytes: 10 });
  const sizes = { a: 1, b: 1, c: 1, d: 6, e: 5, f: 99, g: 1 };
  const all = Object.entries(sizes).map(([name, bytes]) => add(name, { bytes }));
  for (let i = 0; i < 5; i++) {
    await turn();
    commits[i]!.let.resolve();
  }
  await Promise.all(all);
  assert.deepEqual(names(), ["abc", "d", "e", "f", "g"]);
});

test("a call waits for its `after`, and holds up those behind it", async () => {
  const { commits, names, add } = gated();
  const before = Promise.withResolvers<void>();
  const all = [add("a"), add("b", { after: before.promise }), add("c", { after: before.promise }), add("d")];
  for (let i = 0; i < 3; i++) {
    await turn();
    if (i === 1) {
      assert.deepEqual(names(), ["a"]);
      before.resolve();
      await turn();
    }
    commits[i]!.let.resolve();
  }
  await Promise.all(all);
  assert.deepEqual(names(), ["a", "bc", "d"]);
});

test("batchLimits() keeps within what the engine takes in a commit", () => {
  const limits = { keyBytes: 1, valueBytes: 1, commitBytes: 1000, commitOperations: 11 };
  assert.deepEqual(batchLimits(limits, 2, 1), { calls: 5, bytes: 500 });
  assert.deepEqual(batchLimits({ ...limits, commitOperations: 1 }, 2, 1).calls, 1);
  assert.deepEqual(batchLimits({ ...limits, commitOperations: 1e6, commitBytes: 1e9 }, 2, 1), {
    calls: 64,
    bytes: 1024 * 1024,
  });
});
