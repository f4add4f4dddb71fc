import * as assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { TestContext } from "node:test";
import { ended, message, start } from "../../fixtures/child.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";
import { KILL_POINTS } from "../kill-points.ts";

const CONTENDER = path.join(import.meta.dirname, "contender.ts");

/** Nobody enters for so long, in milliseconds: somebody waits for the dead. */
const STANDSTILL = 20_000;

export interface Contest {
  readonly processes: number;
  /** Critical sections of each. */
  readonly sections: number;
  /** A process is killed when it has reached its point so many times at most. */
  readonly patience: number;
  /** How many processes are killed from outside, at any moment. */
  readonly shots: number;
  /**
   * How many more contend without being killed, until all the others have ended. If there are such, nobody goes on for
   * one that was killed; each of the others is to die.
   */
  readonly immortals: number;
}

type Line =
  | { readonly pid: number; readonly enter: number; readonly created: number; readonly ownerDied: boolean }
  | { readonly pid: number; readonly exit: number };

/** What the contenders wrote down, judged line by line as it comes. */
class Journal {
  readonly path: string;
  readonly entered = new Map<number, number>();
  grants = 0;
  /** Sections that were left by a death. */
  abandoned = 0;
  readonly #gone = new Set<number>();
  #offset = 0;
  #rest = "";
  #inside: { pid: number; token: number } | undefined;
  #token = 0;
  #created = 0;

  constructor(file: string) {
    this.path = file;
    fs.writeFileSync(file, "");
  }

  read(): void {
    const text = this.#rest + fs.readFileSync(this.path).subarray(this.#offset).toString();
    this.#offset += Buffer.byteLength(text) - Buffer.byteLength(this.#rest);
    const lines = text.split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#judge(JSON.parse(line) as Line);
  }

  #judge(line: Line): void {
    const { pid } = line;
    assert.ok(!this.#gone.has(pid), `process ${pid} was inside at the same time as another`);
    if ("exit" in line) {
      assert.deepEqual({ pid, token: line.exit }, this.#inside);
      this.#inside = undefined;
      return;
    }
    if (this.#inside) {
      // It must have died: not another line may come from it.
      this.#gone.add(this.#inside.pid);
      this.abandoned++;
      assert.equal(line.ownerDied, true, "who came after a dead holder was not told");
    }
    assert.ok(line.enter > this.#token, `token ${line.enter} after ${this.#token}`);
    assert.ok(line.created > this.#created, `the place ${line.created} came after the place ${this.#created}`);
    this.#token = line.enter;
    this.#created = line.created;
    this.#inside = { pid, token: line.enter };
    this.grants++;
    this.entered.set(pid, (this.entered.get(pid) ?? 0) + 1);
  }

  get dead(): ReadonlySet<number> {
    return this.#gone;
  }
}

/**
 * Processes contend for a lock while they are killed at every point and at random: never are there two inside, tokens and places
 * strictly grow (first come, first served), and the living go on.
 */
export async function contest(
  t: TestContext,
  { processes, sections, patience, shots, immortals }: Contest,
): Promise<void> {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const journal = new Journal(path.join(folder, "journal"));
  const running = new Set<ChildProcess>();
  const killed = new Set<number>();
  let next = 0;
  let left = shots;
  const shot = new Set<number>();
  const reached = new Set<string>();

  const ready: Promise<unknown>[] = [];
  const slot = async () => {
    let remaining = sections;
    do {
      const point = KILL_POINTS[next++ % KILL_POINTS.length]!;
      const times = 1 + Math.floor(Math.random() * patience);
      const child = start(t, CONTENDER, file, journal.path, String(remaining), point, String(times));
      ready.push(message(child));
      // All begin together.
      await Promise.all(ready);
      running.add(child);
      child.send("go");
      await ended(child);
      running.delete(child);
      if (child.signalCode === "SIGKILL") {
        killed.add(child.pid!);
        if (!shot.has(child.pid!)) reached.add(point);
      } else assert.equal(child.exitCode, 0, `a contender ended with ${child.exitCode ?? child.signalCode}`);
      journal.read();
      remaining -= journal.entered.get(child.pid!) ?? 0;
    } while (immortals === 0 && remaining > 0);
  };

  let seen = { grants: 0, at: performance.now() };
  const watching = Promise.withResolvers<never>();
  const timer = setInterval(() => {
    try {
      journal.read();
      if (journal.grants > seen.grants) seen = { grants: journal.grants, at: performance.now() };
      assert.ok(performance.now() - seen.at < STANDSTILL, "nobody enters any more");
      const targets = [...running];
      if (left > 0 && targets.length > 0) {
        left--;
        const target = targets[Math.floor(Math.random() * targets.length)]!;
        shot.add(target.pid!);
        target.kill("SIGKILL");
      }
    } catch (error) {
      watching.reject(error);
    }
  }, 100);
  const begin = performance.now();
  try {
    const mortals = Promise.all(Array.from({ length: processes }, slot));
    const others = Array.from({ length: immortals }, async () => {
      const child = start(t, CONTENDER, file, journal.path, "Infinity", "none", "1");
      ready.push(message(child));
      await Promise.all(ready);
      child.send("go");
      await mortals;
      child.send("stop");
      await ended(child);
      assert.equal(child.exitCode, 0);
    });
    await Promise.race([watching.promise, Promise.all([mortals, ...others])]);
  } finally {
    clearInterval(timer);
  }
  journal.read();
  for (const pid of journal.dead) assert.ok(killed.has(pid), `process ${pid} left without an exit and was not killed`);
  assert.ok(immortals > 0 || journal.grants >= processes * sections);
  t.diagnostic(
    `${journal.grants} grants in ${((performance.now() - begin) / 1000).toFixed(1)} s, ${killed.size} processes killed ` +
      `(${shot.size} at random), ${journal.abandoned} of them inside`,
  );
  assert.deepEqual([...reached].sort(), [...KILL_POINTS].sort());
}
