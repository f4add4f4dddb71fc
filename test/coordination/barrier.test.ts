import * as assert from "node:assert/strict";
import { test } from "node:test";
import { Barrier } from "../../src/coordination/barrier.ts";
import { until } from "../fixtures/until.ts";
import { join, leftovers, overEngines } from "./engines.ts";

overEngines((ground) => {
  test("it opens when all have come, for round after round, and nobody is a round ahead", async (t) => {
    const store = await ground(t);
    const parties = 6;
    const members = await Promise.all(Array.from({ length: parties }, () => join(t, store)));
    const rounds = new Array<number>(parties).fill(0);
    await Promise.all(
      members.map(async (member, i) => {
        const barrier = new Barrier(member, "b", parties);
        for (let round = 0; round < 10; round++) {
          rounds[i]!++;
          await barrier.wait();
          for (const other of rounds) assert.ok(other > round, `one has come only ${other} times`);
        }
      }),
    );
    assert.deepEqual(await leftovers(members[0]!.engine), ["barrier/b/opening"]);
  });

  test("a dead party is not counted, nor one that gave up", async (t) => {
    const store = await ground(t);
    const [a, b, c] = await Promise.all([join(t, store), join(t, store), join(t, store)]);
    const barrier = new Barrier(a, "b", 2);
    const doomed = assert.rejects(new Barrier(b, "b", 2).wait(), { code: "ERR_STORE_CLOSED" });
    await until(async () => (await barrier.state()).waiting.length >= 1);
    await b[Symbol.asyncDispose]();
    await doomed;
    await assert.rejects(barrier.wait({ timeout: 20 }), { code: "ERR_STORE_TIMEOUT" });
    const reason = new Error("enough");
    await assert.rejects(barrier.wait({ signal: AbortSignal.abort(reason) }), reason);
    assert.equal((await barrier.state()).waiting.length, 0);
    assert.deepEqual(await barrier.state(), { parties: 2, waiting: [] });
    let opened = false;
    const wait = barrier.wait().then(() => {
      opened = true;
    });
    await until(async () => (await barrier.state()).waiting.length >= 1);
    assert.equal(opened, false);
    assert.equal((await barrier.state()).waiting[0]!.pid, process.pid);
    await new Barrier(c, "b", 2).wait();
    await wait;
  });

  test("one that comes again while the others have not left counts for the next round", async (t) => {
    const member = await join(t, await ground(t));
    const barrier = new Barrier(member, "b", 3);
    await Promise.all(Array.from({ length: 9 }, () => barrier.wait()));
    await new Barrier(member, "alone", 1).wait();
  });

  test("who gave up leaves nothing behind", async (t) => {
    const member = await join(t, await ground(t));
    const barrier = new Barrier(member, "b", 3);
    await Promise.all([
      assert.rejects(barrier.wait({ timeout: 20 }), { code: "ERR_STORE_TIMEOUT" }),
      assert.rejects(barrier.wait({ timeout: 30 }), { code: "ERR_STORE_TIMEOUT" }),
    ]);
    assert.deepEqual(await leftovers(member.engine), []);
  });

  test("bad input", async (t) => {
    const member = await join(t, await ground(t));
    const bad = (name: unknown, parties: unknown) => () => new Barrier(member, name as string, parties as number);
    assert.throws(bad(null, 1), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(bad("b", "2"), { code: "ERR_INVALID_ARG_TYPE" });
    for (const parties of [0, -1, 2.5, NaN, 1001]) assert.throws(bad("b", parties), { code: "ERR_OUT_OF_RANGE" });
    await assert.rejects(new Barrier(member, "b", 2).wait({ timeout: -1 }), { code: "ERR_OUT_OF_RANGE" });
  });
});
