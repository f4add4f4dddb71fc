import * as assert from "node:assert/strict";
import { test } from "node:test";
import { type Permit, Semaphore } from "../../src/coordination/semaphore.ts";
import { StoreError } from "../../src/errors.ts";
import { until } from "../fixtures/until.ts";
import { join, leftovers, overEngines } from "./engines.ts";

overEngines((ground) => {
  test("a permit is for as many as there are, and grows a token", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const first = await new Semaphore(a, "s", 2).acquire();
    const second = await new Semaphore(b, "s", 2).acquire();
    assert.ok(second.token > first.token);
    assert.equal(await new Semaphore(a, "s", 2).tryAcquire(), undefined);
    assert.equal((await new Semaphore(b, "s", 2).state()).held.length, 2);
    await first.release();
    await first.release();
    assert.deepEqual([first.held, first.signal.aborted], [false, false]);
    const third = await new Semaphore(a, "s", 2).tryAcquire();
    assert.ok(third!.token > second.token);
    await second[Symbol.asyncDispose]();
    await third!.release();
    assert.deepEqual(await leftovers(a.engine), []);
  });

  test("those who wait come in their order, and never more than there are permits", async (t) => {
    const store = await ground(t);
    const members = await Promise.all(Array.from({ length: 4 }, () => join(t, store)));
    const permits = 3;
    let holders = 0;
    let most = 0;
    let last = 0;
    const waits: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      const semaphore = new Semaphore(members[i % 4]!, "s", permits);
      const wait = (async () => {
        const permit = await semaphore.acquire();
        most = Math.max(most, ++holders);
        assert.ok(holders <= permits, `${holders} holders`);
        last = Math.max(last, permit.token);
        await members[0]!.engine.get("x");
        holders--;
        await permit.release();
      })();
      waits.push(wait);
    }
    await Promise.all(waits);
    assert.equal(most, permits);
    assert.deepEqual(await leftovers(members[0]!.engine), []);
  });

  test("grants follow the order in which they were asked for", async (t) => {
    const member = await join(t, await ground(t));
    const semaphore = new Semaphore(member, "s", 2);
    const held = [await semaphore.acquire(), await semaphore.acquire()];
    const order: number[] = [];
    const waits: Promise<Permit>[] = [];
    for (let i = 0; i < 8; i++) {
      waits.push(
        semaphore.acquire().then((permit) => {
          order.push(i);
          return permit;
        }),
      );
      await until(async () => (await semaphore.state()).waiting.length > i);
    }
    for (let i = 0; i < 8; i++) {
      await held.shift()!.release();
      held.push(await waits[i]!);
    }
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7]);
    for (const permit of held) await permit.release();
  });

  test("a dead holder's permit returns; a waiter that died in the middle is passed over", async (t) => {
    const store = await ground(t);
    const [a, b, c] = await Promise.all([join(t, store), join(t, store), join(t, store)]);
    const held = await new Semaphore(a, "s", 1).acquire();
    const doomed = new Semaphore(b, "s", 1).acquire();
    await until(async () => (await new Semaphore(c, "s", 1).state()).waiting.length >= 1);
    const waiting = new Semaphore(c, "s", 1).acquire();
    await until(async () => (await new Semaphore(c, "s", 1).state()).waiting.length >= 2);
    const lost = assert.rejects(doomed);
    await b[Symbol.asyncDispose]();
    await lost;
    await a.die();
    assert.equal(held.signal.aborted, true);
    assert.ok(held.signal.reason instanceof StoreError);
    const permit = await waiting;
    assert.ok(permit.token > held.token);
    await held.release();
    await permit.release();
    assert.deepEqual(await leftovers(c.engine), []);
  });

  test("an abandoned wait leaves no place behind", async (t) => {
    const member = await join(t, await ground(t));
    const semaphore = new Semaphore(member, "s", 1);
    const held = await semaphore.acquire();
    const reason = new Error("enough");
    await assert.rejects(semaphore.acquire({ signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(semaphore.acquire({ timeout: 20 }), { code: "ERR_STORE_TIMEOUT" });
    const stop = new AbortController();
    const wait = semaphore.acquire({ signal: stop.signal });
    await until(async () => (await semaphore.state()).waiting.length >= 1);
    stop.abort(reason);
    await assert.rejects(wait, reason);
    assert.equal((await semaphore.state()).waiting.length, 0);
    await held.release();
    assert.deepEqual(await leftovers(member.engine), []);
  });

  test("a permit is a fence, and its release can be a part of a commit", async (t) => {
    const member = await join(t, await ground(t));
    const semaphore = new Semaphore(member, "s", 1);
    const permit = await semaphore.acquire();
    const { checks, mutations, committed } = await permit.releasing().prepare();
    const set = { type: "set", key: "result", value: "done" } as const;
    const { ok, version } = await member.engine.commit({ checks, mutations: [...mutations, set] });
    assert.ok(ok);
    committed?.(version);
    assert.equal(permit.held, false);
    assert.equal((await member.engine.commit({ checks: [permit.check], mutations: [set] })).ok, false);
    await assert.rejects(async () => permit.releasing().prepare(), { code: "ERR_STORE_FENCED" });
    await (await semaphore.tryAcquire())!.release();
  });

  test("bad input", async (t) => {
    const member = await join(t, await ground(t));
    const bad = (name: unknown, permits: unknown) => () => new Semaphore(member, name as string, permits as number);
    assert.throws(bad(1, 1), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(bad("s", "1"), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    for (const permits of [0, -1, 1.5, NaN, Infinity, 10_001])
      assert.throws(bad("s", permits), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    const semaphore = new Semaphore(member, "s", 1);
    await assert.rejects(semaphore.acquire({ timeout: -1 }), { code: "ERR_OUT_OF_RANGE" });
    await assert.rejects(semaphore.acquire({ signal: {} as AbortSignal }), { code: "ERR_INVALID_ARG_TYPE" });
  });
});
