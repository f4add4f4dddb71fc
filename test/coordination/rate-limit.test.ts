import * as assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RateLimit } from "../../src/coordination/rate-limit.ts";
import { message, start } from "../fixtures/child.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";
import { until } from "../fixtures/until.ts";
import { join, leftovers, overEngines } from "./engines.ts";

const CHILD = fileURLToPath(import.meta.resolve("./rate-limit-child.ts"));

overEngines((ground, engine) => {
  test("grants up to the limit, for all processes together, and says when to come again", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [one, two] = [a, b].map((member) => new RateLimit(member, "r", { limit: 3, per: 60_000 })) as [
      RateLimit,
      RateLimit,
    ];
    const before = Date.now();
    assert.deepEqual(await one.tryTake(), { granted: true, remaining: 2, retryAfter: 0 });
    assert.deepEqual(await two.tryTake(), { granted: true, remaining: 1, retryAfter: 0 });
    const refused = await one.tryTake(2);
    assert.deepEqual([refused.granted, refused.remaining], [false, 1]);
    assert.ok(refused.retryAfter <= 60_000 && refused.retryAfter > 60_000 - (Date.now() - before) - 1);
    assert.equal((await two.tryTake()).granted, true);
    assert.equal((await one.tryTake()).granted, false);
    const { remaining, retryAfter } = await two.state();
    assert.ok(remaining === 0 && retryAfter > 0);
    await two.reset();
    assert.deepEqual(await leftovers(a.engine), []);
    assert.equal((await one.tryTake(3)).granted, true);
    assert.equal((await two.tryTake()).granted, false);
  });

  test("a grant returns after its time, not with a window's end", async (t) => {
    const member = await join(t, await ground(t));
    const rate = new RateLimit(member, "r", { limit: 2, per: 150 });
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      const from = Date.now();
      const { granted } = await rate.take();
      assert.equal(granted, true);
      times.push(from, Date.now());
    }
    // Any three grants span the whole of it: the third came (at the latest at its end) 150 ms after the first was asked for.
    for (let i = 0; i + 2 < 6; i++) assert.ok(times[(i + 2) * 2 + 1]! - times[i * 2]! >= 150, String(times));
  });

  test("those who wait on one object are served in their order, also past one that gave up", async (t) => {
    const member = await join(t, await ground(t));
    const rate = new RateLimit(member, "r", { limit: 1, per: 30 });
    const order: number[] = [];
    const reason = new Error("enough");
    const stop = new AbortController();
    const waits = [0, 1, 2, 3].map((i) =>
      rate.take(1, i === 2 ? { signal: stop.signal } : {}).then(() => order.push(i)),
    );
    const gaveUp = assert.rejects(waits[2]!, reason);
    stop.abort(reason);
    await gaveUp;
    await Promise.all([waits[0], waits[1], waits[3]]);
    assert.deepEqual(order, [0, 1, 3]);
  });

  test("a high limit is kept in few slots, and never exceeded", async (t) => {
    const store = await ground(t);
    const members = await Promise.all([join(t, store), join(t, store)]);
    const limit = 1000;
    const rates = members.map((member) => new RateLimit(member, "r", { limit, per: 60_000 }));
    let granted = 0;
    // All at once on one key: with each of them a round trip goes to those who came too late.
    const size = engine === "etcd" ? 20 : 5;
    await Promise.all(
      Array.from({ length: 1100 / size }, async (_, i) => {
        if ((await rates[i % 2]!.tryTake(size, { timeout: 60_000 })).granted) granted += size;
      }),
    );
    assert.equal(granted, limit);
    const entry = await members[0]!.engine.get("rate-limit/r", "system");
    assert.ok(JSON.parse(entry!.value as string).length <= 130);
  });

  test("what nobody uses leaves nothing behind", async (t) => {
    const member = await join(t, await ground(t));
    const rate = new RateLimit(member, "r", { limit: 5, per: 20 });
    await rate.tryTake();
    await until(async () => (await leftovers(member.engine)).length === 0);
  });

  test("a wait ends by timeout and when the store closes, and takes nothing", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const options = { limit: 2, per: 60_000 };
    const rate = new RateLimit(a, "r", options);
    await rate.take();
    await assert.rejects(rate.take(2, { timeout: 20 }), { code: "ERR_STORE_TIMEOUT" });
    await assert.rejects(rate.take(2, { signal: AbortSignal.abort(new Error("x")) }), { message: "x" });
    assert.equal((await rate.state()).remaining, 1);
    await b.engine.close();
    await assert.rejects(new RateLimit(b, "r", options).take(), { code: "ERR_STORE_CLOSED" });
  });

  test("bad input", async (t) => {
    const member = await join(t, await ground(t));
    const make = (name: unknown, limit: unknown, per: unknown) => () =>
      new RateLimit(member, name as string, { limit: limit as number, per: per as number });
    const typeError = { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
    const rangeError = { name: "RangeError", code: "ERR_OUT_OF_RANGE" };
    assert.throws(make(1, 1, 1), typeError);
    assert.throws(make("r", "1", 1), typeError);
    assert.throws(make("r", 1, "1"), typeError);
    assert.throws(make("r", 1, undefined), typeError);
    for (const limit of [0, -1, 1.5, NaN, Infinity, 1e10]) assert.throws(make("r", limit, 1), rangeError);
    for (const per of [0, -1, NaN, Infinity, 2 ** 31]) assert.throws(make("r", 1, per), rangeError);
    const rate = new RateLimit(member, "r", { limit: 2, per: 1000 });
    for (const count of [0, 3, 0.5]) await assert.rejects(rate.tryTake(count), rangeError);
    await assert.rejects(rate.take("1" as never), typeError);
    await assert.rejects(rate.take(1, { timeout: -1 }), rangeError);
    for (const value of ["many", "{}", "[[1]]"]) {
      await member.engine.commit({ mutations: [{ type: "set", space: "system", key: "rate-limit/r", value }] });
      await assert.rejects(rate.state(), { code: "ERR_STORE_CODEC" });
    }
    await rate.reset();
    assert.equal((await rate.tryTake()).granted, true);
  });
});

test("processes: never more than the limit in any span, and no less than it allows", async (t) => {
  const file = `${temporaryFolder(t)}/store.db`;
  const [limit, per, time] = [20, 250, 1500];
  const children = Array.from({ length: 4 }, () => start(t, CHILD, file, String(limit), String(per), String(time)));
  const grants = (await Promise.all(children.map((child) => message<[number | null, number][]>(child)))).flat();
  const known = grants.filter((grant): grant is [number, number] => Number.isFinite(grant[0]));
  known.sort((a, b) => a[0] - b[0]);
  // A grant has its time somewhere between its two; more than the limit for sure within one span would be a fault.
  for (let i = 0; i + limit < known.length; i++) {
    const last = Math.max(...known.slice(i, i + limit + 1).map(([, to]) => to));
    assert.ok(last - known[i]![0] >= per, `${limit + 1} grants within ${last - known[i]![0]} ms`);
  }
  assert.ok(grants.length >= limit * Math.floor(time / per / 2), `only ${grants.length} grants in ${time} ms`);
});
