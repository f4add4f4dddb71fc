import * as assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { type TestContext, test } from "node:test";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";
import { openStore, type Store, StoreError } from "../../../src/index.ts";
import { ObservedEngine } from "../../fixtures/observed-engine.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";

/*
 * A signal that lives as long as the program, and the session's own signal: no call may leave a listener on them. Each would keep its
 * closures for ever, and Node warns of more than ten.
 */

const TIMES = 12;

/** Calls that end at once, and calls that end by their time-out. The second of each pair has something else hold what it wants. */
const CALLS: Record<string, (store: Store, signal: AbortSignal) => Promise<unknown>> = {
  set: (store, signal) => store.set("key", "value", { signal }),
  update: (store, signal) => store.update("key", () => "other", { signal }),
  delete: (store, signal) => store.delete("key", { signal }),
  watch: async (store, signal) => {
    const changes = store.watch("key", { signal });
    const change = changes.next();
    await store.set("key", "value");
    await change;
    await changes.return?.();
  },
  "watch without a look": async (store, signal) => void (await store.watch("key", { signal }).return?.()),
  waitFor: async (store, signal) => {
    await store.set("key", "value");
    await store.waitFor("key", undefined, { signal });
  },
  "waitFor in vain": (store, signal) => store.waitFor("never", undefined, { signal, timeout: 1 }),
  lock: async (store, signal) => (await store.lock("x", { signal })).release(),
  "lock with its own signal": async (store, signal) => {
    const lock = await store.lock("x", { signal });
    assert.equal(lock.signal.aborted, false);
    await lock.release();
  },
  "lock in vain": async (store, signal) => {
    await using _held = await store.lock("y");
    await store.lock("y", { signal, timeout: 1 });
  },
  "lock after a wait": async (store, signal) => {
    const held = await store.lock("y");
    const waiting = store.lock("y", { signal });
    await store.locks.query();
    await held.release();
    await (await waiting).release();
  },
  "locks.request": (store, signal) => store.locks.request("x", { signal }, () => {}),
  semaphore: async (store, signal) => (await store.semaphore("x", 1).acquire({ signal })).release(),
  "semaphore in vain": async (store, signal) => {
    await using _held = await store.semaphore("y", 1).acquire();
    await store.semaphore("y", 1).acquire({ signal, timeout: 1 });
  },
  elect: async (store, signal) => {
    const candidacy = store.elect("x", { signal });
    await candidacy.won;
    await candidacy.resign();
  },
  "elect in vain": async (store, signal) => {
    const leader = store.elect("y");
    await leader.won;
    const candidacy = store.elect("y", { signal, timeout: 1 });
    await candidacy.won.catch(() => {});
    await leader.resign();
  },
  leaders: async (store, signal) => {
    const leaders = store.leaders("x", { signal });
    await leaders.next();
    await leaders.return(undefined as never);
  },
  once: async (store, signal) => {
    await store.once("x", () => 1, { signal, ttl: 0 });
  },
  barrier: async (store, signal) => {
    await Promise.all([store.barrier("x", 2).wait({ signal }), store.barrier("x", 2).wait({ signal })]);
  },
  "barrier in vain": (store, signal) => store.barrier("y", 2).wait({ signal, timeout: 1 }),
  queue: async (store, signal) => {
    await store.queue("x").push(1);
    await (await store.queue("x").take({ signal })).ack();
  },
  "queue in vain": (store, signal) => store.queue("y").take({ signal, timeout: 1 }),
  counter: (store, signal) => store.counter("x").increment(1, { signal }),
  rateLimit: (store, signal) => store.rateLimit("x", { limit: 1000, per: 1000 }).take(1, { signal }),
  "rateLimit in vain": async (store, signal) => {
    const limit = store.rateLimit("y", { limit: 1, per: 60_000 });
    await limit.tryTake();
    await limit.take(1, { signal, timeout: 1 });
  },
};

const ENGINES = {
  memory: async () => memoryEngine(),
  sqlite: async (t: TestContext) => openSqliteEngine(`${temporaryFolder(t)}/store.db`),
};

for (const [name, open] of Object.entries(ENGINES))
  test(`no call leaves a listener on a signal (${name})`, async (t) => {
    const engine = new ObservedEngine(await open(t));
    const store = await openStore(engine);
    t.after(() => store.close());
    const session = (await store.participant.session()).signal;
    const left: [call: string, own: number, session: number][] = [];
    for (const [call, run] of Object.entries(CALLS)) {
      const { signal } = new AbortController();
      // What the first call leaves may be for all that follow, such as the watch for thefts.
      const once = async () => {
        try {
          await run(store, signal);
        } catch (error) {
          if (!(error instanceof StoreError && error.code === "ERR_STORE_TIMEOUT")) throw error;
        }
      };
      await once();
      await new Promise(setImmediate);
      const before = getEventListeners(session, "abort").length;
      for (let i = 0; i < TIMES; i++) await once();
      await new Promise(setImmediate);
      const more = getEventListeners(session, "abort").length - before;
      const own = getEventListeners(signal, "abort").length;
      if (own > 0 || more > 0) left.push([call, own, more]);
    }
    assert.deepEqual(left, []);
  });
