import { type ChildProcess, fork } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "./history/register.ts";
import { randomNumbers } from "./history/simulation.ts";
import { readJournal, timeSince } from "./journal.ts";
import type { TargetName } from "./targets/open.ts";
import type { WorkerOrders } from "./worker.ts";

const WORKER = path.join(import.meta.dirname, "worker.ts");

export interface CrewOptions {
  /** What the processes open, in turn: the same store, by different ways. */
  readonly targets: readonly TargetName[];
  readonly seed: number;
  /** How long to record, in milliseconds. */
  readonly duration: number;
  /** A worker is killed with SIGKILL and replaced so often, in milliseconds on average. Default: never. */
  readonly killEvery?: number;
  /** Default 8. */
  readonly processes?: number;
  /** Keys that are used at a time. Default 3. */
  readonly keys?: number;
  /** Milliseconds after which all move to fresh keys. Default 100. */
  readonly epoch?: number;
  /** Whether what a dead process began may still take effect: its requests are on their way to a server. Default false. */
  readonly outlives?: boolean;
}

interface Member {
  readonly child: ChildProcess;
  readonly number: number;
  ready: boolean;
}

export interface Recording {
  readonly operations: Operation[];
  readonly kills: number;
}

/** Lets processes run random operations on one store, kills some of them, and gives back the history of all. */
export async function recordHistory(options: CrewOptions): Promise<Recording> {
  const { targets, seed, duration, killEvery, processes = 8, keys = 3, epoch = 100, outlives = false } = options;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-history-"));
  const random = randomNumbers(seed);
  const base = process.hrtime.bigint();
  /** Known once the first crew is ready. */
  let end: number | undefined;
  /** By number of process: when it was seen dead. */
  const ends: Promise<number>[] = [];
  const alive: Member[] = [];
  const begun = Promise.withResolvers<number>();
  let kills = 0;
  const journalOf = (number: number) => path.join(directory, `${number}.ndjson`);
  const start = () => {
    const number = ends.length;
    const orders: WorkerOrders = {
      ...{
        target: targets[number % targets.length]!,
        journal: journalOf(number),
        process: number,
        seed: seed * 1000 + number,
      },
      ...{ base: String(base), keys, epoch: epoch * 1e6 },
    };
    const child = fork(WORKER, [JSON.stringify(orders)]);
    const member: Member = { child, number, ready: false };
    alive.push(member);
    child.once("message", () => {
      member.ready = true;
      if (end !== undefined) return child.send(end);
      if (!alive.every(({ ready }) => ready)) return;
      end = timeSince(base) + duration * 1e6;
      for (const { child } of alive) child.send(end);
      begun.resolve(end);
    });
    const dead = new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        if (code === 0 || signal === "SIGKILL") resolve(timeSince(base));
        else reject(new Error(`worker ${number} ended with ${signal ?? code}`));
      });
    });
    // It is awaited at the end, with all others.
    dead.catch(() => {});
    ends.push(dead);
  };
  try {
    for (let i = 0; i < processes; i++) start();
    const last = await Promise.race([begun.promise, Promise.all(ends).then(() => 0)]);
    while (killEvery !== undefined) {
      const pause = killEvery * (0.5 + random());
      await sleep(pause);
      if (timeSince(base) > last) break;
      // Only one that has begun to work: killing them while they start would show nothing.
      const working = alive.filter(({ number }) => fs.existsSync(journalOf(number)));
      const victim = working[Math.floor(random() * working.length)];
      if (!victim?.child.kill("SIGKILL")) continue;
      alive.splice(alive.indexOf(victim), 1);
      kills++;
      start();
    }
    const operations: Operation[] = [];
    for (const [number, over] of (await Promise.all(ends)).entries())
      if (fs.existsSync(journalOf(number)))
        operations.push(...readJournal(journalOf(number), number, outlives ? Infinity : over));
    return { operations, kills };
  } finally {
    for (const { child } of alive) child.kill("SIGKILL");
    fs.rmSync(directory, { recursive: true, force: true });
  }
}
