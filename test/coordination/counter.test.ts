import * as assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Counter } from "../../src/coordination/counter.ts";
import { ended, start } from "../fixtures/child.ts";
import { participate } from "../fixtures/participant.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";
import { join, leftovers, overEngines } from "./engines.ts";

const CHILD = fileURLToPath(import.meta.resolve("./counter-child.ts"));

overEngines((ground) => {
  test("every addition counts once and gets the sum after it", async (t) => {
    const store = await ground(t);
    const members = await Promise.all(Array.from({ length: 4 }, () => join(t, store)));
    const counters = members.map((member) => new Counter(member, "c"));
    assert.equal(await counters[0]!.get(), 0);
    const sums = await Promise.all(Array.from({ length: 200 }, (_, i) => counters[i % 4]!.increment()));
    assert.deepEqual(
      sums.sort((a, b) => a - b),
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    assert.equal(await counters[1]!.get(), 200);
    assert.equal(await counters[2]!.increment(-201), -1);
    assert.equal(await counters[3]!.increment(0), -1);
  });

  test("set and reset, also behind the back of a counter that remembers", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [one, two] = [new Counter(a, "c"), new Counter(b, "c")];
    await one.increment(5);
    await two.set(40);
    assert.equal(await one.increment(2), 42);
    await two.reset();
    assert.deepEqual(await leftovers(a.engine), []);
    assert.equal(await one.increment(2), 2);
  });

  test("a sum that is no safe integer is refused and nothing is added", async (t) => {
    const member = await join(t, await ground(t));
    const counter = new Counter(member, "c");
    await counter.set(Number.MAX_SAFE_INTEGER - 1);
    const [up, over, down] = await Promise.allSettled([
      counter.increment(1),
      counter.increment(1),
      counter.increment(-5),
    ]);
    assert.equal(up.status, "fulfilled");
    assert.equal(over.status === "rejected" && over.reason.code, "ERR_OUT_OF_RANGE");
    assert.ok(over.status === "rejected" && over.reason instanceof RangeError);
    assert.equal(down.status, "fulfilled");
    assert.equal(await counter.get(), Number.MAX_SAFE_INTEGER - 5);
  });

  test("a step of an atomic commit", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const counter = new Counter(a, "c");
    const step = counter.incrementing(3);
    const stale = await step.prepare();
    await new Counter(b, "c").increment(10);
    const state = { type: "set", key: "state", value: "x" } as const;
    const { checks, mutations } = stale;
    assert.equal((await a.engine.commit({ checks, mutations: [...mutations, state] })).ok, false);
    const fresh = await step.prepare();
    const { ok, version } = await a.engine.commit({
      checks: fresh.checks,
      mutations: [...fresh.mutations, state],
    });
    assert.ok(ok);
    fresh.committed?.(version);
    assert.equal(await counter.increment(), 14);
  });

  test("an addition that was called off is not made", async (t) => {
    const member = await join(t, await ground(t));
    const counter = new Counter(member, "c");
    const reason = new Error("enough");
    await assert.rejects(counter.increment(1, { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(await counter.get(), 0);
    assert.equal(await counter.increment(), 1);
  });

  test("bad input", async (t) => {
    const member = await join(t, await ground(t));
    assert.throws(() => new Counter(member, 1 as never), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    const counter = new Counter(member, "c");
    await assert.rejects(counter.increment("1" as never), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    for (const n of [0.5, NaN, Infinity, 2 ** 53])
      await assert.rejects(counter.increment(n), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    await assert.rejects(counter.set(0.5), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    await assert.rejects(counter.increment(1, { timeout: -1 }), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    assert.throws(() => counter.incrementing(0.5), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    await member.engine.commit({ mutations: [{ type: "set", space: "system", key: "counter/c", value: "many" }] });
    await assert.rejects(counter.get(), { code: "ERR_STORE_CODEC" });
    await counter.reset();
    assert.equal(await counter.increment(), 1);
  });
});

test("the sum of eight processes is exact; of one that is killed, what it was told of counts", async (t) => {
  const file = `${temporaryFolder(t)}/store.db`;
  const acknowledged = new Map<ChildProcess, number>();
  const children = Array.from({ length: 9 }, () => start(t, CHILD, file, "200"));
  const doomed = children[8]!;
  for (const child of children)
    child.on("message", ({ done }: { done: number }) => {
      acknowledged.set(child, done);
      if (child === doomed && done === 50) child.kill("SIGKILL");
    });
  await Promise.all(children.map(ended));
  for (const child of children.slice(0, 8)) assert.equal(acknowledged.get(child), 200);
  const { engine } = await participate(file);
  const sum = await new Counter({ engine, session: () => engine.openSession() }, "hits").get();
  await engine.close();
  // The killed one may have been told of less than it did: a batch of five that was under way, and messages that were lost.
  const told = 1600 + acknowledged.get(doomed)!;
  assert.ok(sum >= told && sum <= 1800, `${sum} after ${told} acknowledged additions`);
});
