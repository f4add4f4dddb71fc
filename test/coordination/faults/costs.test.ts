import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";
import { openStore, type Store } from "../../../src/index.ts";
import { type Counts, ObservedEngine } from "../../fixtures/observed-engine.ts";
import { until } from "../../fixtures/until.ts";

/*
 * What the primitives cost, in calls to the engine. The numbers are exact: one more round trip, one more batch, a wait that looks
 * again and again, show here. Costs on the way that are right to change are changed here.
 */

interface Participant {
  readonly store: Store;
  readonly engine: ObservedEngine;
}

/** Stores on the same data, each with an engine that counts. Their sessions are open, and the layout is checked. */
async function participants(t: TestContext, count: number): Promise<Participant[]> {
  const name = `costs-${Math.random()}`;
  return Promise.all(
    Array.from({ length: count }, async () => {
      const engine = new ObservedEngine(memoryEngine(name));
      const store = await openStore(engine);
      t.after(() => store.close());
      await (await store.lock("to begin with")).release();
      return { store, engine };
    }),
  );
}

/** What `act` costs an engine. */
async function cost({ counts }: ObservedEngine, act: () => Promise<unknown>): Promise<Counts> {
  const before = { ...counts };
  await act();
  return difference(counts, before);
}

function difference(after: Counts, before: Counts): Counts {
  return {
    writes: after.writes - before.writes,
    reads: after.reads - before.reads,
    batches: after.batches - before.batches,
  };
}

/** For longer than a wait that looks again and again would need to be seen. */
const IDLE = 60;

type Take = (store: Store) => Promise<{ release(): Promise<void> }>;

const lead: Take = async (store) => {
  const candidacy = store.elect("x");
  await candidacy.won;
  return { release: () => candidacy.resign() };
};

/** How each is taken, how many hold it at once, and the costs: of taking and releasing alone, and of the same after a wait. */
const COSTS: Record<string, { take: Take; permits: number; alone: Counts; waited: Counts }> = {
  "exclusive lock": {
    take: (store) => store.lock("x"),
    permits: 1,
    alone: { writes: 2, reads: 0, batches: 0 },
    waited: { writes: 4, reads: 1, batches: 1 },
  },
  "shared lock": {
    take: (store) => store.lock("x", { mode: "shared" }),
    permits: 0,
    alone: { writes: 2, reads: 0, batches: 0 },
    waited: { writes: 0, reads: 0, batches: 0 },
  },
  semaphore: {
    take: (store) => store.semaphore("x", 1).acquire(),
    permits: 1,
    alone: { writes: 2, reads: 0, batches: 0 },
    waited: { writes: 2, reads: 1, batches: 1 },
  },
  "semaphore of three": {
    take: (store) => store.semaphore("x", 3).acquire(),
    permits: 3,
    alone: { writes: 2, reads: 0, batches: 0 },
    waited: { writes: 2, reads: 1, batches: 1 },
  },
  election: {
    take: lead,
    permits: 1,
    alone: { writes: 2, reads: 0, batches: 0 },
    waited: { writes: 2, reads: 1, batches: 1 },
  },
};

for (const [name, { take, permits, alone, waited }] of Object.entries(COSTS)) {
  test(`${name}: what taking and releasing costs alone`, async (t) => {
    const [a] = await participants(t, 1);
    const paid = await cost(a!.engine, async () => (await take(a!.store)).release());
    assert.deepEqual(paid, alone);
  });

  for (let leaver = 0; leaver < permits; leaver++)
    test(`${name}: what a waiter costs while it waits, and when holder ${leaver} goes`, async (t) => {
      const [a, b] = (await participants(t, 2)) as [Participant, Participant];
      const held: Awaited<ReturnType<Take>>[] = [];
      for (let i = 0; i < permits; i++) held.push(await take(a.store));
      const before = { ...b.engine.counts };
      const waiting = take(b.store);
      await until(() => b.engine.counts.writes > before.writes);
      await sleep(IDLE);
      const came = difference(b.engine.counts, before);
      await sleep(IDLE);
      assert.deepEqual(difference(b.engine.counts, before), came, "it looks again although nothing has changed");
      await held[leaver]!.release();
      await (await waiting).release();
      assert.deepEqual(difference(b.engine.counts, before), waited);
    });
}

for (const width of [1, 2, 3])
  test(`a semaphore of ${width}: the second waiter is served, whichever holders go, and after any wake-up`, async (t) => {
    const [a, b, c] = (await participants(t, 3)) as [Participant, Participant, Participant];
    for (let first = 0; first < width; first++)
      for (let second = 0; second < width; second++) {
        const held = [];
        for (let i = 0; i < width; i++) held.push(await a.store.semaphore("x", width).acquire());
        const line = a.store.semaphore("x", width);
        const waiting = [];
        for (const [i, { store }] of [b, c].entries()) {
          waiting.push(store.semaphore("x", width).acquire({ timeout: 5000 }));
          await until(async () => (await line.state()).waiting.length === i + 1);
        }
        await held.splice(first, 1)[0]!.release();
        held.push(await waiting[0]!);
        // The second waiter was woken, has seen that it is not its turn, and waits for the holders that are left.
        await until(() => c.engine.counts.batches > 0);
        await sleep(5);
        await held.splice(second, 1)[0]!.release();
        held.push(await waiting[1]!);
        await Promise.all(held.map((permit) => permit.release()));
      }
  });
