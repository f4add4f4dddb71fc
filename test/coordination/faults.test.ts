import * as assert from "node:assert/strict";
import { test } from "node:test";
import { memoryEngine } from "../../src/engines/memory/engine.ts";
import { openStore, type Store } from "../../src/index.ts";
import { isTransient } from "../../src/wait/transient.ts";
import { type Call, type Fault, ObservedEngine } from "../fixtures/observed-engine.ts";
import { until } from "../fixtures/until.ts";

/*
 * Each primitive's short history, once for each call to the engine that one participant makes in it and each way in which that
 * call can fail. The other participant's engine works, and sees whether the first one's failure left anything in its way.
 */

interface Stage {
  /** The participant whose engine fails once. */
  readonly a: Store;
  /** The participant whose engine works. */
  readonly b: Store;
}

/** What `act` gives; `undefined` if it failed because of the engine's failure, which it may. */
async function attempt<T>(act: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await act() };
  } catch (error) {
    if (isTransient(error)) return undefined;
    throw error;
  }
}

/** Long enough for the attempts of a call that fails once. */
const wait = { timeout: 5000 };

/** Whether the lock can be had now; it is given back. */
const isFree = (store: Store, mode: "exclusive" | "shared") =>
  store.locks.request("x", { mode, ifAvailable: true }, (lock) => lock !== null);

async function lock({ a, b }: Stage): Promise<void> {
  const held = await attempt(() => a.lock("x", wait));
  if (held) {
    assert.equal(await isFree(b, "shared"), false, "held twice");
    await held.value.release();
  }
  await (await b.lock("x", wait)).release();
  assert.equal(await isFree(b, "exclusive"), true);
}

async function contendedLock({ a, b }: Stage): Promise<void> {
  const first = await b.lock("x", wait);
  const waiting = attempt(() => a.lock("x", wait));
  await Promise.race([waiting, until(async () => (await b.locks.query()).pending!.length > 0)]);
  const third = b.lock("x", wait);
  await first.release();
  const held = await waiting;
  if (held) {
    assert.equal(await isFree(b, "shared"), false, "held twice");
    await held.value.release();
  }
  await (await third).release();
  assert.equal(await isFree(b, "exclusive"), true);
}

async function sharedLock({ a, b }: Stage): Promise<void> {
  const held = await attempt(() => a.lock("x", { mode: "shared", ...wait }));
  const together = await b.lock("x", { mode: "shared", ...wait });
  if (held) {
    await together.release();
    assert.equal(await isFree(b, "exclusive"), false, "held twice");
    await held.value.release();
  } else await together.release();
  await (await b.lock("x", wait)).release();
}

async function ifAvailable({ a, b }: Stage): Promise<void> {
  await attempt(() =>
    a.locks.request("x", { ifAvailable: true }, async (held) => {
      if (held) assert.equal(await isFree(b, "shared"), false, "held twice");
    }),
  );
  await (await b.lock("x", wait)).release();
  const first = await b.lock("x", wait);
  const refused = await attempt(() => a.locks.request("x", { ifAvailable: true }, async (held) => held === null));
  if (refused) assert.equal(refused.value, true, "held twice");
  await first.release();
  await (await b.lock("x", wait)).release();
}

async function steal({ a, b }: Stage): Promise<void> {
  const robbed = await b.lock("x", wait);
  const stolen = await attempt(() =>
    a.locks.request("x", { steal: true }, async () => {
      await until(() => robbed.signal.aborted);
      assert.equal(await isFree(b, "shared"), false, "held twice");
    }),
  );
  if (!stolen) await robbed.release();
  await (await b.lock("x", wait)).release();
}

async function semaphore({ a, b }: Stage): Promise<void> {
  const other = await b.semaphore("x", 2).acquire(wait);
  const held = await attempt(() => a.semaphore("x", 2).acquire(wait));
  const third = b.semaphore("x", 2);
  if (held) {
    assert.equal(await third.tryAcquire(), undefined, "held three times");
    await held.value.release();
  }
  const next = await third.acquire(wait);
  const waiting = attempt(() => a.semaphore("x", 2).acquire(wait));
  await Promise.race([waiting, until(async () => (await third.state()).waiting.length > 0)]);
  await other.release();
  await (await waiting)?.value.release();
  await next.release();
  await (await third.acquire(wait)).release();
  assert.deepEqual(await third.state(), { held: [], waiting: [] });
}

async function election({ a, b }: Stage): Promise<void> {
  const candidacy = a.elect("x", wait);
  const won = await attempt(() => candidacy.won);
  const next = b.elect("x", wait);
  if (won) {
    await until(async () => (await next.state()).waiting.length === 1);
    assert.equal(next.isLeader, false, "led twice");
    await candidacy.resign();
  }
  await next.won;
  assert.equal(candidacy.isLeader, false);
  await next.resign();
  assert.equal(await b.leader("x"), undefined);
}

async function once({ a, b }: Stage): Promise<void> {
  let runs = 0;
  const run = () => ++runs;
  const result = await attempt(() => a.once("x", run, wait));
  const other = await b.once("x", run, wait);
  if (result) assert.deepEqual([result.value, other, runs], [1, 1, 1], "ran twice");
  assert.equal(await b.once("x", run, wait), other);
  await b.forgetOnce("x");
}

async function barrier({ a, b }: Stage): Promise<void> {
  const other = b.barrier("x", 2).wait(wait);
  while (!(await attempt(() => a.barrier("x", 2).wait(wait))));
  await other;
  assert.deepEqual(await b.barrier("x", 2).state(), { parties: 2, waiting: [] });
}

async function queue({ a, b }: Stage): Promise<void> {
  const [from, to] = [a.queue<string>("x"), b.queue<string>("x")];
  const done: string[] = [];
  const pushed = await attempt(() => from.push("first"));
  await to.push("second");
  const job = (await attempt(() => from.take(wait)))?.value;
  if (job && (await attempt(() => job.retry()))) assert.equal((await to.state()).active, 0);
  const again = (await attempt(() => from.take(wait)))?.value;
  await again?.ack();
  if (again) done.push(again.value);
  // What a failed call left with the first participant comes back when that one ends.
  await a.close();
  for (;;) {
    const { ready } = await to.state();
    if (ready === 0) break;
    const next = await to.take(wait);
    await next.ack();
    done.push(next.value);
  }
  // A push whose answer was lost may have been made.
  const sure = done.filter((value) => pushed || value !== "first");
  assert.deepEqual(sure.sort(), pushed ? ["first", "second"] : ["second"], "lost, or done twice");
  assert.deepEqual(await to.state(), { ready: 0, delayed: 0, active: 0, dead: 0 });
}

async function channel({ a, b }: Stage): Promise<void> {
  const heard: unknown[] = [];
  const listening = b.channel("x");
  const posting = a.channel("x");
  listening.addEventListener("message", (event) => heard.push((event as MessageEvent).data));
  await listening.ready;
  const posted = await attempt(() => posting.post("first"));
  await b.channel("x").post("last");
  await until(() => heard.includes("last"));
  const first = heard.filter((message) => message === "first").length;
  assert.ok(first === 1 || (!posted && first === 0), `posted once, heard ${first} times`);
  listening.close();
  posting.close();
}

async function counter({ a, b }: Stage): Promise<void> {
  const sum = await attempt(() => a.counter("x").increment(5, wait));
  const found = await b.counter("x").get();
  assert.ok(found === 5 || (!sum && found === 0), `counted ${found}`);
  await b.counter("x").reset();
}

async function rateLimit({ a, b }: Stage): Promise<void> {
  const limit = { limit: 2, per: 60_000 };
  const taken = await attempt(() => a.rateLimit("x", limit).tryTake(1, wait));
  const { remaining } = await b.rateLimit("x", limit).state();
  assert.ok(remaining === 1 || (!taken && remaining === 2), `${remaining} remain`);
  await b.rateLimit("x", limit).reset();
}

const HISTORIES = {
  lock,
  contendedLock,
  sharedLock,
  ifAvailable,
  steal,
  semaphore,
  election,
  once,
  barrier,
  queue,
  channel,
  counter,
  rateLimit,
};

/** Runs a history on a store of its own. Returns how many calls it made, and the keys that are left when all is closed. */
async function play(history: (stage: Stage) => Promise<void>, intercept: (call: Call) => Fault | undefined) {
  const name = `faults-${Math.random()}`;
  const observer = memoryEngine(name);
  const engine = new ObservedEngine(memoryEngine(name));
  engine.intercept = intercept;
  const [a, b] = [await openStore(engine), await openStore(memoryEngine(name))];
  try {
    await history({ a, b });
    const { calls } = engine;
    await a.close();
    await b.close();
    const { entries } = await observer.list({ space: "system", prefix: "" });
    // Without the parts that are another at each run: sessions, numbers, times.
    const kinds = entries.map(({ key }) => key.split("/").filter((part) => !/\d/.test(part)));
    return { calls, left: kinds.map((parts) => parts.join("/")) };
  } finally {
    await Promise.all([a.close(), b.close(), observer.close()]);
  }
}

for (const [name, history] of Object.entries(HISTORIES))
  test(`${name}: any call fails once, and nobody has it twice, the next one gets it, and nothing is left`, {
    concurrency: true,
  }, async () => {
    const { calls, left } = await play(history, () => undefined);
    assert.ok(calls > 0);
    const plays: Promise<void>[] = [];
    for (const fault of ["before", "after"] as const)
      for (let at = 1; at <= calls; at++) {
        const played = play(history, ({ number }) => (number === at ? fault : undefined)).then(
          (outcome) => {
            // What a history leaves without a failure is meant to stay: the layout, the end of a queue.
            const remains = outcome.left.filter((key) => !left.includes(key) && key !== "layout");
            assert.deepEqual(remains, [], `${fault} call ${at}`);
          },
          (error: Error) => {
            error.message = `${fault} call ${at}: ${error.message}`;
            throw error;
          },
        );
        plays.push(played);
      }
    await Promise.all(plays);
  });
