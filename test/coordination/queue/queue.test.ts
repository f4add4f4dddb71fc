import * as assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../../../src/coordination/queue/job.ts";
import { Queue } from "../../../src/coordination/queue/queue.ts";
import { Atomic } from "../../../src/store/atomic.ts";
import { text } from "../../../src/store/codec.ts";
import { until } from "../../fixtures/until.ts";
import { join, leftovers, overEngines } from "../engines.ts";
import { workThrough } from "./work-through.ts";

overEngines((ground) => {
  test("jobs come in the order of their pushes, from any process, as structured data", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [one, two] = [new Queue<unknown>(a, "q"), new Queue<unknown>(b, "q")];
    const values = [new Map([[1n, new Date(0)]]), undefined, "text", { deep: [null] }];
    for (const [i, value] of values.entries()) {
      const id = await (i % 2 ? one : two).push(value);
      assert.equal(id, i + 1);
    }
    const got: unknown[] = [];
    for await (const job of one) {
      got.push(job.value);
      assert.equal(job.attempt, 1);
      await job.ack();
      if (got.length === values.length) break;
    }
    assert.deepEqual(got, values);
    assert.deepEqual(await leftovers(a.engine), ["queue/q/tail"]);
    assert.deepEqual(await one.state(), { ready: 0, delayed: 0, active: 0, dead: 0 });
  });

  test("pushes at once keep their order, and numbers of several pushers do not collide", async (t) => {
    const store = await ground(t);
    const members = await Promise.all(Array.from({ length: 3 }, () => join(t, store)));
    const queues = members.map((member) => new Queue<string>(member, "q"));
    const pushes = Array.from({ length: 150 }, (_, i) => queues[i % 3]!.push(`${i % 3} ${i}`));
    const ids = await Promise.all(pushes);
    assert.deepEqual(
      [...ids].sort((x, y) => x - y),
      Array.from({ length: 150 }, (_, i) => i + 1),
    );
    const last = [-1, -1, -1];
    for (let n = 1; n <= 150; n++) {
      const job = await queues[n % 3]!.take();
      assert.equal(job.id, n);
      const [p, i] = job.value.split(" ").map(Number) as [number, number];
      assert.ok(i > last[p]!, "one pusher's jobs changed their order");
      last[p] = i;
      await job.ack();
    }
  });

  test("a job that somebody has is nobody else's; who waits gets the next", async (t) => {
    const store = await ground(t);
    const members = await Promise.all(Array.from({ length: 4 }, () => join(t, store)));
    const queues = members.map((member) => new Queue<number>(member, "q"));
    const taken = queues.map((queue) => queue.take());
    const ids = [];
    for (let i = 0; i < 4; i++) ids.push(await queues[0]!.push(i));
    const jobs = await Promise.all(taken);
    assert.deepEqual(jobs.map(({ id }) => id).sort(), ids);
    assert.deepEqual(await queues[1]!.state(), { ready: 0, delayed: 0, active: 4, dead: 0 });
    await assert.rejects(queues[2]!.take({ timeout: 30 }), { code: "ERR_STORE_TIMEOUT" });
    for (const job of jobs) await job.ack();
    assert.deepEqual(await leftovers(members[0]!.engine), ["queue/q/tail"]);
  });

  test("more jobs in work than are looked at", async (t) => {
    const member = await join(t, await ground(t));
    const queue = new Queue<number>(member, "q");
    await Promise.all(Array.from({ length: 40 }, (_, i) => queue.push(i)));
    const jobs: Job<number>[] = [];
    for (let i = 0; i < 40; i++) jobs.push(await queue.take());
    assert.deepEqual(
      jobs.map(({ value }) => value),
      Array.from({ length: 40 }, (_, i) => i),
    );
    await Promise.all(jobs.map((job) => job.ack()));
    assert.deepEqual(await leftovers(member.engine), ["queue/q/tail"]);
  });

  test("a job whose worker dies returns to its place; the dead one's acknowledgement is refused", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [one, two] = [new Queue<string>(a, "q"), new Queue<string>(b, "q")];
    await one.push("first");
    await one.push("second");
    const job = await one.take();
    const other = await two.take();
    assert.equal(other.value, "second");
    const waiting = two.take();
    await a.die();
    assert.equal(job.signal.aborted, true);
    const again = await waiting;
    assert.deepEqual([again.value, again.attempt, again.id], ["first", 2, job.id]);
    assert.ok(again.token > job.token);
    await assert.rejects(job.ack(), { code: "ERR_STORE_FENCED" });
    const write = { type: "set", key: "k", value: "v" } as const;
    assert.equal((await a.engine.commit({ checks: [job.check], mutations: [write] })).ok, false);
    assert.equal((await b.engine.commit({ checks: [again.check], mutations: [write] })).ok, true);
    await again.ack();
    await again.ack();
    await other.ack();
    // The one that lost its session goes on with a new one.
    await two.push("third");
    assert.equal((await one.take()).value, "third");
  });

  test("retry gives it back at once or later, and to the dead letters after the last attempt", async (t) => {
    const member = await join(t, await ground(t));
    const queue = new Queue<string>(member, "q", { attempts: 3 });
    await queue.push("a");
    await queue.push("b");
    await (await queue.take()).retry();
    const second = await queue.take();
    assert.deepEqual([second.value, second.attempt], ["a", 2]);
    const before = Date.now();
    await second.retry({ delay: 60, error: new Error("not yet") });
    assert.equal((await queue.state()).delayed, 1);
    const b = await queue.take();
    assert.equal(b.value, "b");
    await b.ack();
    const third = await queue.take();
    assert.ok(Date.now() - before >= 60, "it came too soon");
    assert.deepEqual([third.value, third.attempt], ["a", 3]);
    await third.retry({ error: new Error("never") });
    const letters = [];
    for await (const letter of queue.deadLetters) letters.push(letter);
    assert.equal(letters.length, 1);
    const { id, value, attempts, error, died } = letters[0]!;
    assert.deepEqual([id, value, attempts, error], [1, "a", 3, "Error: never"]);
    assert.ok(died >= before && died <= Date.now());
    assert.deepEqual(await queue.state(), { ready: 0, delayed: 0, active: 0, dead: 1 });
    assert.equal(await queue.deadLetters.requeue(id), true);
    assert.equal(await queue.deadLetters.requeue(id), false);
    const anew = await queue.take();
    assert.deepEqual([anew.value, anew.attempt, anew.id], ["a", 1, 3]);
    await anew.fail("useless");
    assert.equal(await queue.deadLetters.discard(3), true);
    assert.equal(await queue.deadLetters.discard(3), false);
    assert.deepEqual(await leftovers(member.engine), ["queue/q/tail"]);
  });

  test("a job that kills its workers ends as a dead letter", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [one, two] = [new Queue<string>(a, "q", { attempts: 2 }), new Queue<string>(b, "q")];
    await one.push("poison");
    await one.push("good");
    for (let attempt = 1; attempt <= 2; attempt++) {
      const job = await one.take();
      assert.deepEqual([job.value, job.attempt], ["poison", attempt]);
      await a.die();
    }
    const job = await two.take();
    assert.equal(job.value, "good");
    await job.ack();
    for await (const letter of two.deadLetters) assert.deepEqual([letter.value, letter.attempts], ["poison", 2]);
    assert.equal((await two.state()).dead, 1);
  });

  test("a delayed job comes when it is due, and neither sooner nor behind younger ones", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [one, two] = [new Queue<string>(a, "q"), new Queue<string>(b, "q")];
    // Long enough that it is not due before the test ends, however busy the machine is.
    await one.push("much later", { delay: 600_000 });
    await one.push("now");
    assert.equal((await two.take()).value, "now");
    const began = Date.now();
    await one.push("later", { delay: 120 });
    await one.push("soon", { delay: 40 });
    const soon = await two.take();
    assert.ok(Date.now() - began >= 40);
    assert.equal(soon.value, "soon");
    await until(() => Date.now() - began > 130);
    await one.push("young");
    assert.deepEqual([(await two.take()).value, (await two.take()).value], ["later", "young"]);
    assert.equal((await two.state()).delayed, 1);
  });

  test("state and message change together: pushes and acknowledgements in one commit", async (t) => {
    const member = await join(t, await ground(t));
    const [inbox, outbox] = [new Queue<number>(member, "in"), new Queue<number>(member, "out")];
    await inbox.push(1);
    const job = await inbox.take();
    const stale = await outbox.pushing(2).prepare();
    await outbox.push(0);
    assert.equal((await member.engine.commit(stale)).ok, false);
    const steps = await Promise.all([job.acking(), outbox.pushing(2)].map((step) => step.prepare()));
    const { ok, version } = await member.engine.commit({
      checks: steps.flatMap(({ checks }) => checks),
      mutations: steps.flatMap(({ mutations }) => mutations),
    });
    assert.ok(ok);
    for (const { committed } of steps) committed?.(version);
    await job.ack();
    await assert.rejects(async () => job.acking().prepare(), { code: "ERR_STORE_FENCED" });
    assert.deepEqual(await inbox.state(), { ready: 0, delayed: 0, active: 0, dead: 0 });
    assert.deepEqual([(await outbox.take()).value, (await outbox.take()).value], [0, 2]);
  });

  test("an atomic acknowledgement of a job that was lost is refused, whether the loss was heard of or not", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const queue = new Queue<number>(a, "q");
    await queue.push(1);
    const unheard = await queue.take();
    const atomic = () => new Atomic(a, text).set("effect", "made");
    // As if the session had ended where its owner has not heard of it.
    await b.engine.commit({
      mutations: [{ type: "delete", space: "system", key: (unheard.check as { key: string }).key }],
    });
    const refused = { code: "ERR_STORE_FENCED" };
    await assert.rejects(atomic().with(unheard.acking()).commit({ timeout: 5000 }), refused);
    await assert.rejects(unheard.ack(), refused);
    const heard = await queue.take();
    await a.die();
    await assert.rejects(atomic().with(heard.acking()).commit({ timeout: 5000 }), refused);
    assert.equal(await b.engine.get("effect"), undefined);
    const again = await new Queue<number>(b, "q").take();
    assert.equal(again.attempt, 3);
    assert.equal((await new Atomic(b, text).with(again.acking()).commit()).ok, true);
  });

  test("a job leaves its block unsettled only if it was settled or given back", async (t) => {
    const member = await join(t, await ground(t));
    const queue = new Queue<number>(member, "q");
    await queue.push(1);
    const job = await queue.take();
    await job[Symbol.asyncDispose]();
    const again = await queue.take();
    assert.equal(again.attempt, 2);
    await again.ack();
    await again[Symbol.asyncDispose]();
    assert.equal((await queue.state()).ready, 0);
  });

  test("a wait ends by signal, by timeout, and when the store is closed", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const queue = new Queue<number>(a, "q");
    const reason = new Error("enough");
    await assert.rejects(queue.take({ signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(queue.take({ timeout: 10 }), { code: "ERR_STORE_TIMEOUT" });
    const stop = new AbortController();
    const iteration = (async () => {
      for await (const _ of queue.jobs({ signal: stop.signal })) assert.fail("there is no job");
    })();
    stop.abort(reason);
    await assert.rejects(iteration, reason);
    const waiting = assert.rejects(queue.take(), { code: "ERR_STORE_CLOSED" });
    await a.engine.close();
    await waiting;
    await assert.rejects(queue.push(1), { code: "ERR_STORE_CLOSED" });
    // Nothing of those waits took a job away.
    const other = new Queue<number>(b, "q");
    await other.push(1);
    assert.equal((await other.take()).attempt, 1);
  });

  test("bad input", async (t) => {
    const member = await join(t, await ground(t));
    const typeError = { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
    const rangeError = { name: "RangeError", code: "ERR_OUT_OF_RANGE" };
    assert.throws(() => new Queue(member, 1 as never), typeError);
    assert.throws(() => new Queue(member, "q", { attempts: "1" as never }), typeError);
    for (const attempts of [0, -1, 1.5, NaN]) assert.throws(() => new Queue(member, "q", { attempts }), rangeError);
    const queue = new Queue<unknown>(member, "q");
    await assert.rejects(queue.push(1, { delay: "1" as never }), typeError);
    for (const delay of [-1, NaN, Infinity, 2 ** 31]) await assert.rejects(queue.push(1, { delay }), rangeError);
    await assert.rejects(queue.push(1, { attempts: 0 }), rangeError);
    await assert.rejects(
      queue.push(() => {}),
      { name: "DataCloneError" },
    );
    assert.throws(() => queue.pushing(Symbol("s")), { name: "DataCloneError" });
    await assert.rejects(queue.take({ timeout: -1 }), rangeError);
    await assert.rejects(queue.take({ signal: 1 as never }), typeError);
    await assert.rejects(queue.deadLetters.requeue("1" as never), typeError);
    await assert.rejects(queue.deadLetters.discard(0), rangeError);
    assert.deepEqual(await leftovers(member.engine), []);
    await queue.push(1);
    const job = await queue.take();
    await assert.rejects(job.retry({ delay: -1 }), rangeError);
    await job.ack();
    const key = "queue/q/ready/0000000000000009";
    await member.engine.commit({ mutations: [{ type: "set", space: "system", key, value: "no job" }] });
    await assert.rejects(queue.take(), { code: "ERR_STORE_CODEC" });
  });
});

test("processes: each job is done, and acknowledged exactly once, while workers are killed", async (t) => {
  await workThrough(t, { jobs: 120, workers: 3, doomed: [3, 2, 4, 1, 2, 1] });
});
