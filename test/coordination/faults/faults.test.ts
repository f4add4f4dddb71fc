import * as assert from "node:assert/strict";
import { test } from "node:test";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";
import { openStore, type Store } from "../../../src/index.ts";
import { isTransient } from "../../../src/wait/transient.ts";
import { ObservedEngine } from "../../fixtures/observed-engine.ts";
import { until } from "../../fixtures/until.ts";

/*
 * Each primitive's short history, once for each call to the engine that one participant makes in it and each way in which that
 * call can fail. The other participant's engine works, and sees whether the first one's failure left anything in its way.
 */

interface Stage {
  /** The participant whose engine fails once. */
  readonly a: Store;
  /** The participant whose engine works. */
  readonly b: Store;
  /** For the calls of `a`: its signal is aborted where that is the failure. */
  readonly patience: { readonly timeout: number; readonly signal: AbortSignal };
}

/** What is planted at one call: its answer, or it itself, is lost; the engine goes away after it; the caller gives up during it. */
const FAULTS = ["before", "after", "gone", "aborted"] as const;

/** For how many calls an engine that goes away is gone. */
const GONE = 3;
const GIVEN_UP = new Error("the caller gave up");

/** What `act` gives; `undefined` if it failed because of the engine's failure, which it may. */
async function attempt<T>(act: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await act() };
  } catch (error) {
    if (isTransient(error) || error === GIVEN_UP) return undefined;
    throw error;
  }
}

/** Long enough for the attempts of a call that fails once. */
const wait = { timeout: 5000 };

/** Whether the lock can be had now; it is given back. */
const isFree = (store: Store, mode: "exclusive" | "shared") =>
  store.locks.request("x", { mode, ifAvailable: true }, (lock) => lock !== null);

async function lock({ a, b, patience }: Stage): Promise<void> {
  const held = await attempt(() => a.lock("x", patience));
  if (held) {
    assert.equal(await isFree(b, "shared"), false, "held twice");
    await held.value.release();
  }
  await (await b.lock("x", wait)).release();
  assert.equal(await isFree(b, "exclusive"), true);
}

async function contendedLock({ a, b, patience }: Stage): Promise<void> {
  const first = await b.lock("x", wait);
  const waiting = attempt(() => a.lock("x", patience));
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

async function sharedLock({ a, b, patience }: Stage): Promise<void> {
  const held = await attempt(() => a.lock("x", { mode: "shared", ...patience }));
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

async function semaphore({ a, b, patience }: Stage): Promise<void> {
  const other = await b.semaphore("x", 2).acquire(wait);
  const held = await attempt(() => a.semaphore("x", 2).acquire(patience));
  const third = b.semaphore("x", 2);
  if (held) {
    assert.equal(await third.tryAcquire(), undefined, "held three times");
    await held.value.release();
  }
  const next = await third.acquire(wait);
  const waiting = attempt(() => a.semaphore("x", 2).acquire(patience));
  await Promise.race([waiting, until(async () => (await third.state()).waiting.length > 0)]);
  await other.release();
  await (await waiting)?.value.release();
  await next.release();
  await (await third.acquire(wait)).release();
  assert.deepEqual(await third.state(), { held: [], waiting: [] });
}

async function election({ a, b, patience }: Stage): Promise<void> {
  const candidacy = a.elect("x", patience);
  const won = await attempt(() => candidacy.won);
  const next = b.elect("x", wait);
  if (won && candidacy.isLeader) {
    await until(async () => (await next.state()).waiting.length === 1);
    assert.ok(!(next.isLeader && candidacy.isLeader), "led twice");
    await candidacy.resign();
  }
  await next.won;
  assert.equal(candidacy.isLeader, false);
  await next.resign();
  assert.equal(await b.leader("x"), undefined);
}

async function once({ a, b, patience }: Stage): Promise<void> {
  let runs = 0;
  const run = () => ++runs;
  const result = await attempt(() => a.once("x", run, patience));
  const other = await b.once("x", run, wait);
  if (result) assert.deepEqual([result.value, other, runs], [1, 1, 1], "ran twice");
  assert.equal(await b.once("x", run, wait), other);
  await b.forgetOnce("x");
}

async function barrier({ a, b, patience }: Stage): Promise<void> {
  const other = b.barrier("x", 2).wait(wait);
  while (!(await attempt(() => a.barrier("x", 2).wait(patience.signal.aborted ? wait : patience))));
  await other;
  assert.deepEqual(await b.barrier("x", 2).state(), { parties: 2, waiting: [] });
}

async function queue({ a, b, patience }: Stage): Promise<void> {
  const [from, to] = [a.queue<string>("x"), b.queue<string>("x")];
  const done: string[] = [];
  const pushed = await attempt(() => from.push("first"));
  await to.push("second");
  const job = (await attempt(() => from.take(patience)))?.value;
  if (job && (await attempt(() => job.retry()))) assert.equal((await to.state()).active, 0);
  const again = (await attempt(() => from.take(patience)))?.value;
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

async function counter({ a, b, patience }: Stage): Promise<void> {
  const sum = await attempt(() => a.counter("x").increment(5, patience));
  const found = await b.counter("x").get();
  assert.ok(found === 5 || (!sum && found === 0), `counted ${found}`);
  await b.counter("x").reset();
}

async function rateLimit({ a, b, patience }: Stage): Promise<void> {
  const limit = { limit: 2, per: 60_000 };
  const taken = await attempt(() => a.rateLimit("x", limit).tryTake(1, patience));
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

/**
 * Runs a history on a store of its own, with a failure at one call. Returns how many calls it made, and the kinds of keys that are
 * left when all is closed.
 */
async function play(history: (stage: Stage) => Promise<void>, at = 0, fault?: (typeof FAULTS)[number]) {
  const name = `faults-${Math.random()}`;
  const observer = memoryEngine(name);
  const engine = new ObservedEngine(memoryEngine(name));
  const giveUp = new AbortController();
  engine.intercept = ({ number }) => {
    if (fault === "gone") return number === at ? "after" : number > at && number <= at + GONE ? "before" : undefined;
    return number === at && fault !== "aborted" ? fault : undefined;
  };
  engine.applied = ({ number }) => {
    if (number === at && fault === "aborted") giveUp.abort(GIVEN_UP);
  };
  const [a, b] = [await openStore(engine), await openStore(memoryEngine(name))];
  try {
    await history({ a, b, patience: { ...wait, signal: giveUp.signal } });
    const { calls } = engine;
    await a.close();
    await b.close();
    const { entries } = await observer.list({ space: "system", prefix: "" });
    // Without the parts that are another at each run: sessions, numbers, times.
    const kinds = entries.map(({ key }) => key.split("/").filter((part) => !/\d/.test(part)));
    return { calls, left: kinds.map((parts) => parts.join("/")) };
  } catch (error) {
    if (fault && error instanceof Error) error.message = `${fault} call ${at}: ${error.message}`;
    throw error;
  } finally {
    await Promise.all([a.close(), b.close(), observer.close()]);
  }
}

for (const [name, history] of Object.entries(HISTORIES))
  test(`${name}: whichever call fails, nobody has it twice, the next one gets it, and nothing is left`, async () => {
    const { calls, left } = await play(history);
    assert.ok(calls > 0);
    const plays: Promise<void>[] = [];
    for (const fault of FAULTS)
      for (let at = 1; at <= calls; at++)
        plays.push(
          play(history, at, fault).then((outcome) => {
            // What a history leaves without a failure is meant to stay: the layout, the end of a queue.
            const remains = outcome.left.filter((kind) => !left.includes(kind) && kind !== "layout");
            assert.deepEqual(remains, [], `${fault} call ${at}`);
          }),
        );
    await Promise.all(plays);
  });
