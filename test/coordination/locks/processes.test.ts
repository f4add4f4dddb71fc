/** Locks, permits, leaderships and barriers of real processes and worker threads on a store file. */
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { Barrier } from "../../../src/coordination/barrier.ts";
import type { Participant } from "../../../src/coordination/common/participant.ts";
import { Candidacy } from "../../../src/coordination/election.ts";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import { lockTable } from "../../../src/coordination/locks/table.ts";
import { LockManager } from "../../../src/coordination/locks/web-locks.ts";
import { Semaphore } from "../../../src/coordination/semaphore.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";
import { nothingRemains } from "../../engines/sqlite/sessions/remains.ts";
import { ended, kill, message, signal, start } from "../../fixtures/child.ts";
import { until } from "../../fixtures/until.ts";
import { contest } from "./contest.ts";

const HOLDER = path.join(import.meta.dirname, "holder.ts");
const THIEF = path.join(import.meta.dirname, "thief.ts");

/** A store file, and a participant on it. */
async function open(t: TestContext): Promise<Participant & { readonly file: string }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  const file = path.join(folder, "store.db");
  const engine = await openSqliteEngine(file);
  t.after(async () => {
    await engine.close();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const session = engine.openSession();
  return { file, engine, session: () => session };
}

const TAKING: Record<string, (participant: Participant) => Promise<unknown>> = {
  lock: (participant) => new LockClient(participant).lock("held"),
  permit: (participant) => new Semaphore(participant, "held", 1).acquire(),
  leadership: (participant) => new Candidacy(participant, "held").won,
};

test("mutual exclusion while holders and waiters are killed at every point", { timeout: 120_000 }, (t) =>
  contest(t, { processes: 12, sections: Infinity, patience: 4, shots: 0, immortals: 2 }),
);

for (const [what, take] of Object.entries(TAKING))
  describe(what, () => {
    for (const [how, then, stop] of [
      ["killed", "", false],
      ["killed while its event loop was blocked", "block", false],
      ["killed while it was stopped", "", true],
    ] as const)
      test(`a holder that is ${how} loses it at once`, async (t) => {
        const participant = await open(t);
        const { file } = participant;
        const holder = start(t, HOLDER, file, what, then);
        await message(holder);
        if (stop) signal(holder, "SIGSTOP");
        const mine = take(participant);
        await until(
          async () =>
            (await participant.engine.list({ space: "system", prefix: `${QUEUES[what]}/held/` })).entries.length > 1,
        );
        const killed = performance.now();
        await kill(holder);
        await mine;
        const took = performance.now() - killed;
        t.diagnostic(`taken over after ${took.toFixed(1)} ms`);
        assert.ok(took < 2000, `taken over after ${took} ms`);
        await participant.engine.close();
        await nothingRemains(file);
      });

    test("a holder that is stopped, or whose event loop is blocked, keeps it", async (t) => {
      const participant = await open(t);
      const { file } = participant;
      const holder = start(t, HOLDER, file, what, "block");
      await message(holder);
      let mine: unknown;
      const taken = take(participant).then(() => {
        mine = true;
      });
      const end = performance.now() + 500;
      let stopped = false;
      await until(() => {
        assert.equal(mine, undefined);
        if (!stopped && performance.now() > end - 250) stopped = signal(holder, "SIGSTOP");
        return performance.now() > end;
      });
      assert.ok(stopped);
      signal(holder, "SIGCONT");
      await kill(holder);
      await taken;
    });

    test("a worker thread that is terminated loses it; its process keeps its own", async (t) => {
      const participant = await open(t);
      const { file } = participant;
      const own = await new LockClient(participant).lock("own");
      const worker = new Worker(HOLDER, { workerData: [file, what] });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      const mine = take(participant);
      await worker.terminate();
      await mine;
      assert.equal(own.held, true);
      assert.equal((await participant.engine.commit({ checks: [own.check] })).ok, true);
    });
  });

const QUEUES: Record<string, string> = { lock: "lock", permit: "semaphore", leadership: "election" };

test("a waiter that is killed in the middle of the queue is passed over", async (t) => {
  const participant = await open(t);
  const { file } = participant;
  const client = new LockClient(participant);
  const held = await client.lock("held");
  const waiters = [];
  for (let i = 1; i <= 3; i++) {
    waiters.push(start(t, HOLDER, file, "lock"));
    await until(async () => (await lockTable(participant.engine))[0]?.waiting.length === i);
  }
  await kill(waiters[1]!);
  await until(async () => (await lockTable(participant.engine))[0]?.waiting.length === 2);
  const first = message(waiters[0]!);
  await held.release();
  await first;
  const second = message(waiters[2]!);
  await kill(waiters[0]!);
  await second;
});

test("a lock of Web Locks goes on when its process is killed, and says that the owner died", async (t) => {
  const participant = await open(t);
  const { file } = participant;
  const holder = start(t, HOLDER, file, "lock");
  await message(holder);
  const manager = new LockManager(new LockClient(participant));
  assert.equal(await manager.request("held", { ifAvailable: true }, (lock) => lock), null);
  const [state] = await lockTable(participant.engine);
  assert.equal(state!.held[0]!.pid, holder.pid);
  assert.match(state!.held[0]!.command, /holder/);
  const died = manager.request("held", (lock) => lock.ownerDied);
  await manager.query();
  await kill(holder);
  assert.equal(await died, true);
  assert.equal(await manager.request("held", (lock) => lock.ownerDied), false);
});

test("a party that is killed while it waits at a barrier is not counted", async (t) => {
  const participant = await open(t);
  const { file } = participant;
  const barrier = new Barrier(participant, "held", 3);
  const doomed = start(t, HOLDER, file, "barrier");
  const other = start(t, HOLDER, file, "barrier");
  await until(async () => (await barrier.state()).waiting.length === 2);
  await kill(doomed);
  const mine = barrier.wait();
  await until(async () => (await barrier.state()).waiting.length === 2);
  assert.equal(other.exitCode, null);
  const last = start(t, HOLDER, file, "barrier");
  await mine;
  await Promise.all([ended(other), ended(last)]);
  assert.deepEqual([other.exitCode, last.exitCode], [0, 0]);
});

test("of thieves that come at once each is called back, and all but the last are robbed", async (t) => {
  const { file } = await open(t);
  const thieves = Array.from({ length: 3 }, () => start(t, THIEF, file));
  await Promise.all(thieves.map(message));
  type Line = { readonly called: number } | { readonly ended: number; readonly error?: string };
  const heard = new Set<() => void>();
  let lines: Line[] = [];
  for (const thief of thieves)
    thief.on("message", (line: Line) => {
      lines.push(line);
      for (const look of heard) look();
    });
  for (let round = 0; round < 100; round++) {
    lines = [];
    const called = () => lines.flatMap((line) => ("called" in line ? [line.called] : []));
    const ended = () => lines.filter((line) => "ended" in line);
    const settled = new Promise<void>((resolve) => {
      const look = () => {
        if (ended().length === thieves.length - 1 && called().length === thieves.length) {
          heard.delete(look);
          resolve();
        }
      };
      heard.add(look);
    });
    for (const thief of thieves) thief.send("steal");
    await settled;
    const tokens = called().toSorted((a, b) => a - b);
    const last = tokens.pop()!;
    assert.deepEqual(
      ended().toSorted((a, b) => a.ended - b.ended),
      tokens.map((token) => ({ ended: token, error: "AbortError" })),
    );
    const over = Promise.withResolvers<void>();
    heard.add(over.resolve);
    for (const thief of thieves) thief.send("let go");
    await over.promise;
    heard.delete(over.resolve);
    assert.deepEqual(lines.at(-1), { ended: last });
  }
});

test("fail-over of an election: the leader is killed, with its event loop blocked in half of the trials", async (t) => {
  const participant = await open(t);
  const { file } = participant;
  const times: number[] = [];
  for (let trial = 0; trial < 10; trial++) {
    const leader = start(t, HOLDER, file, "leadership", trial % 2 ? "block" : "");
    await message(leader);
    const candidacy = new Candidacy(participant, "held");
    await until(
      async () => (await participant.engine.list({ space: "system", prefix: "election/" })).entries.length === 2,
    );
    const begin = performance.now();
    leader.kill("SIGKILL");
    await candidacy.won;
    times.push(performance.now() - begin);
    await candidacy.resign();
  }
  times.sort((a, b) => a - b);
  t.diagnostic(`p50 ${times[times.length / 2]!.toFixed(1)} ms, longest ${times.at(-1)!.toFixed(1)} ms`);
  assert.ok(times.at(-1)! < 2000);
});
