import * as assert from "node:assert/strict";
import { test } from "node:test";
import { Candidacy, leader, leaders } from "../../src/coordination/election.ts";
import { until } from "../fixtures/until.ts";
import { join, leftovers, type Member, overEngines } from "./engines.ts";

/** Resolves when so many candidates stand. */
async function candidates(member: Member, number: number): Promise<void> {
  const range = { space: "system", prefix: "election/" } as const;
  await until(async () => (await member.engine.list(range)).entries.length === number);
}

overEngines((ground) => {
  test("the first candidate leads, the next one when it resigns", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    assert.equal(await leader(b, "e"), undefined);
    const first = new Candidacy(a, "e", { value: "one" });
    assert.equal(first.isLeader, false);
    assert.throws(() => first.check, { code: "ERR_STORE_FENCED" });
    await first.won;
    assert.equal(first.isLeader, true);
    const second = new Candidacy(b, "e", { value: "two" });
    await candidates(b, 2);
    assert.equal(second.isLeader, false);
    const seen = await leader(b, "e");
    assert.deepEqual([seen?.value, seen?.token, seen?.pid], ["one", first.token, process.pid]);
    const state = await second.state();
    assert.deepEqual(state.leader, seen);
    assert.deepEqual(
      state.waiting.map(({ value }) => value),
      ["two"],
    );
    await first.resign();
    await first.resign();
    assert.equal(first.isLeader, false);
    assert.equal(first.signal.aborted, true);
    await second.won;
    assert.ok(second.token! > first.token!);
    assert.equal((await leader(a, "e"))?.value, "two");
    await second[Symbol.asyncDispose]();
    assert.deepEqual(await leftovers(a.engine), []);
  });

  test("a leader that lost its session leads no more: it knows, and its writes are refused", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const first = new Candidacy(a, "e");
    await first.won;
    const second = new Candidacy(b, "e");
    await candidates(b, 2);
    await a.die();
    await second.won;
    assert.equal(first.isLeader, false);
    assert.equal(first.signal.aborted, true);
    const write = (from: Candidacy) =>
      b.engine.commit({ checks: [from.check], mutations: [{ type: "set", key: "k", value: "v" }] });
    assert.equal((await write(first)).ok, false);
    assert.equal((await write(second)).ok, true);
    await first.resign();
    assert.equal(second.isLeader, true);
    await second.resign();
  });

  test("a candidate that loses its session while it waits stands again", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const first = new Candidacy(a, "e");
    await first.won;
    const second = new Candidacy(b, "e");
    await candidates(a, 2);
    await b.die();
    await candidates(a, 2);
    await first.resign();
    await second.won;
    await second.resign();
  });

  test("observers see each leader, and that there is none", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const stop = new AbortController();
    const seen = leaders(b, "e", { signal: stop.signal });
    assert.equal((await seen.next()).value, undefined);
    const one = new Candidacy(a, "e", { value: "one" });
    assert.equal((await seen.next()).value?.value, "one");
    const two = new Candidacy(a, "e", { value: "two" });
    await candidates(a, 2);
    const next = seen.next();
    await one.resign();
    assert.equal((await next).value?.value, "two");
    await two.resign();
    assert.equal((await seen.next()).value, undefined);
    const last = seen.next();
    stop.abort(new Error("enough"));
    await assert.rejects(last, /enough/);
  });

  test("a signal ends the candidacy before the win and after it, a time-out only before it", async (t) => {
    const member = await join(t, await ground(t));
    const reason = new Error("enough");
    const never = new Candidacy(member, "e", { signal: AbortSignal.abort(reason) });
    await assert.rejects(never.won, reason);
    assert.equal(never.signal.reason, reason);
    const stop = new AbortController();
    const leading = new Candidacy(member, "e", { signal: stop.signal, timeout: 1000 });
    await leading.won;
    const late = new Candidacy(member, "e", { timeout: 20 });
    await assert.rejects(late.won, { code: "ERR_STORE_TIMEOUT" });
    const waiting = new Candidacy(member, "e", { signal: stop.signal });
    await candidates(member, 2);
    stop.abort(reason);
    await assert.rejects(waiting.won, reason);
    assert.equal(leading.isLeader, false);
    assert.equal(leading.signal.reason, reason);
    await leading.resign();
    await candidates(member, 0);
    const closing = new Candidacy(member, "e");
    const resigned = closing.resign();
    await assert.rejects(closing.won, { name: "AbortError" });
    await resigned;
    assert.deepEqual(await leftovers(member.engine), []);
  });

  test("a state and the resignation are written together", async (t) => {
    const member = await join(t, await ground(t));
    const candidacy = new Candidacy(member, "e");
    assert.throws(() => candidacy.resigning(), { code: "ERR_STORE_FENCED" });
    await candidacy.won;
    const { checks, mutations, committed } = await candidacy.resigning().prepare();
    const result = await member.engine.commit({ checks, mutations });
    committed?.(result.version);
    assert.ok(result.ok);
    assert.equal(candidacy.isLeader, false);
    assert.equal(candidacy.signal.aborted, true);
    assert.equal(await leader(member, "e"), undefined);
  });

  test("bad input", async (t) => {
    const member = await join(t, await ground(t));
    const bad = (name: unknown, options: object) => () => new Candidacy(member, name as string, options);
    assert.throws(bad(undefined, {}), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(bad("e", { value: 1 }), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(bad("e", { signal: 1 }), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(bad("e", { timeout: "1" }), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(bad("e", { timeout: -1 }), { code: "ERR_OUT_OF_RANGE" });
    await assert.rejects(leader(member, 1 as never), { code: "ERR_INVALID_ARG_TYPE" });
  });
});
