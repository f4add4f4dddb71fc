import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Commit } from "../../../src/engine/contract.ts";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";
import { openStore, type Store } from "../../../src/index.ts";
import { type Call, ObservedEngine } from "../../fixtures/observed-engine.ts";
import { until } from "../../fixtures/until.ts";

/*
 * What others do between two commits of one participant, at the points at which a check is all that keeps two from holding one thing.
 */

interface Participant {
  readonly store: Store;
  readonly engine: ObservedEngine;
}

async function participants(t: TestContext, count: number): Promise<Participant[]> {
  const name = `interleavings-${Math.random()}`;
  return Promise.all(
    Array.from({ length: count }, async () => {
      const engine = new ObservedEngine(memoryEngine(name));
      const store = await openStore(engine);
      t.after(() => store.close());
      return { store, engine };
    }),
  );
}

/** Stops the engine before the first call that matches. Resolves when it has; the returned function lets the call go on. */
function stopBefore(engine: ObservedEngine, matches: (call: Call) => boolean): Promise<() => void> {
  const stopped = Promise.withResolvers<() => void>();
  const goOn = Promise.withResolvers<undefined>();
  engine.intercept = (call) => {
    if (!matches(call)) return undefined;
    engine.intercept = () => undefined;
    stopped.resolve(() => goOn.resolve(undefined));
    return goOn.promise;
  };
  return stopped.promise;
}

/** Whether a commit sets the lock's holder record, as grants do. */
const setsHolder = ({ commit }: Call) => sets(commit, (key) => key.endsWith("/granted/holder"));
const sets = (commit: Commit | undefined, matches: (key: string) => boolean) =>
  commit?.mutations?.some(({ type, key }) => type === "set" && matches(key)) ?? false;

/** A waiter that is about to write down its grant, because the holder before it has released. */
async function waiterAtItsGrant(t: TestContext) {
  const [before, waiter, thief] = (await participants(t, 3)) as [Participant, Participant, Participant];
  const first = await before.store.lock("x");
  const waiting = waiter.store.lock("x");
  await until(async () => (await before.store.locks.query()).pending?.length === 1);
  const grant = stopBefore(waiter.engine, setsHolder);
  await first.release();
  return { waiting, goOn: await grant, before, thief };
}

test("a waiter is not granted a lock whose thief has begun between its look and its grant", async (t) => {
  const { waiting, goOn, thief, before } = await waiterAtItsGrant(t);
  // The thief's own entry is there, and the holder record is not yet.
  const theft = stopBefore(thief.engine, setsHolder);
  let isHeld = false;
  const end = Promise.withResolvers<void>();
  const stealing = thief.store.locks.request("x", { steal: true }, async () => {
    isHeld = true;
    await end.promise;
    isHeld = false;
  });
  const takeIt = await theft;
  goOn();
  let isGranted = false;
  const granted = waiting.then((lock) => {
    isGranted = true;
    assert.equal(isHeld, false, "held twice");
    return lock;
  });
  for (let i = 0; i < 20; i++) await before.store.locks.query();
  assert.equal(isGranted, false, "granted although a thief has the lock");
  takeIt();
  await until(() => isHeld);
  end.resolve();
  await stealing;
  await (await granted).release();
});

test("a waiter whose lock was stolen and left by a thief that died, between its look and its grant, hears of that death", async (t) => {
  const { waiting, goOn, thief } = await waiterAtItsGrant(t);
  const isStolen = Promise.withResolvers<void>();
  const stealing = thief.store.locks.request("x", { steal: true }, () => {
    isStolen.resolve();
    return new Promise(() => {});
  });
  stealing.catch(() => {});
  await isStolen.promise;
  await thief.store.close();
  goOn();
  const lock = await waiting;
  assert.equal(lock.ownerDied, true);
  await lock.release();
});

test("a lock that was won by waiting is lost, and says so, when it is stolen", async (t) => {
  const [before, victim, thief] = (await participants(t, 3)) as [Participant, Participant, Participant];
  for (const mode of ["exclusive", "shared"] as const) {
    const first = await before.store.lock("x");
    const waiting = victim.store.lock("x", { mode });
    await until(async () => (await before.store.locks.query()).pending?.length === 1);
    await first.release();
    const lock = await waiting;
    const lost = new Promise((resolve) => lock.signal.addEventListener("abort", resolve, { once: true }));
    await thief.store.locks.request("x", { steal: true }, () => lost);
    assert.equal(lock.held, false);
    assert.match(String(lock.signal.reason), /stolen/);
  }
});

test("once: a run that was taken over does not count, although its process has not heard of it", async (t) => {
  const [slow, next, later] = (await participants(t, 3)) as [Participant, Participant, Participant];
  slow.engine.hidesLosses = true;
  const runs = Promise.withResolvers<void>();
  const end = Promise.withResolvers<string>();
  const first = slow.store.once("x", () => {
    runs.resolve();
    return end.promise;
  });
  const outcome = first.then(
    (value) => ({ value }),
    (error: { code?: string }) => ({ code: error.code }),
  );
  await runs.promise;
  for (const session of slow.engine.sessions) await session.close();
  assert.equal(await next.store.once("x", () => "second"), "second");
  end.resolve("first");
  assert.deepEqual(await outcome, { code: "ERR_STORE_SESSION_LOST" });
  assert.equal(await later.store.once("x", () => "third"), "second");
});

test("once: a run that was taken over does not end the run that took over", async (t) => {
  const [slow, next, later] = (await participants(t, 3)) as [Participant, Participant, Participant];
  slow.engine.hidesLosses = true;
  const isRunning = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ends = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const run = (i: number) => () => {
    isRunning[i]!.resolve();
    return ends[i]!.promise;
  };
  const first = slow.store.once("x", run(0));
  await isRunning[0]!.promise;
  for (const session of slow.engine.sessions) await session.close();
  const second = next.store.once("x", run(1));
  await isRunning[1]!.promise;
  ends[0]!.resolve("first");
  await assert.rejects(first, { code: "ERR_STORE_SESSION_LOST" });
  let thirds = 0;
  const third = later.store.once("x", () => `third ${++thirds}`);
  ends[1]!.resolve("second");
  assert.deepEqual([await second, await third, thirds], ["second", "second", 0]);
});
