import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Queue } from "../../../src/coordination/queue/queue.ts";
import { ended, start } from "../../fixtures/child.ts";
import { participate } from "../../fixtures/participant.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";
import { until } from "../../fixtures/until.ts";
import { leftovers } from "../engines.ts";

const WORKER = fileURLToPath(import.meta.resolve("./worker.ts"));

export interface WorkThrough {
  /** Jobs to begin with; there are more until the doomed are dead. */
  readonly jobs: number;
  /** Workers that live to the end. */
  readonly workers: number;
  /** Workers that kill themselves, each after so many jobs, at the three points in turn. */
  readonly doomed: readonly number[];
}

/**
 * Every job is begun at least once and acknowledged exactly once, and is begun a second time only if who had it before is
 * dead; nothing of it is left in the store.
 */
export async function workThrough(t: TestContext, { jobs, workers, doomed }: WorkThrough): Promise<void> {
  const folder = temporaryFolder(t);
  const file = `${folder}/store.db`;
  const journal = `${folder}/journal`;
  fs.writeFileSync(journal, "");
  const participant = await participate(file);
  t.after(() => participant.engine.close());
  const queue = new Queue<number>(participant, "work", { attempts: 1000 });
  let pushed = 0;
  const push = (count: number) => Promise.all(Array.from({ length: count }, () => queue.push(pushed++)));
  await push(jobs);
  const points = ["taken", "worked", "acknowledged"];
  const dying = doomed.map((nth, i) => start(t, WORKER, file, journal, points[i % points.length]!, String(nth)));
  const living = Array.from({ length: workers }, () => start(t, WORKER, file, journal, "none", "0"));
  // There is work until all of the doomed have reached their points.
  const deaths = Promise.all(dying.map(ended)).then(() => true);
  const free = async () => {
    const { ready, active, delayed } = await queue.state();
    return ready + active + delayed;
  };
  while (!(await Promise.race([deaths, immediate()]))) if ((await free()) < 10) await push(10);
  await until(async () => (await free()) === 0);
  for (const child of living) child.send("stop");
  await Promise.all(living.map(ended));
  for (const child of dying) assert.equal(child.signalCode, "SIGKILL");
  for (const child of living) assert.equal(child.exitCode, 0);

  const killed = new Map(dying.map((child, i) => [child.pid!, points[i % points.length]]));
  const begun = new Map<number, number[]>();
  const acknowledged = new Map<number, number>();
  for (const line of fs.readFileSync(journal, "utf8").trimEnd().split("\n")) {
    const [event, value, pid] = line.split(" ").map((part, i) => (i === 0 ? part : Number(part))) as [
      string,
      number,
      number,
    ];
    if (event === "begin") {
      const before = begun.get(value) ?? [];
      if (before.length > 0) {
        const last = before.at(-1)!;
        assert.ok(killed.has(last), `the job ${value} was given out again although its worker lived`);
      }
      begun.set(value, [...before, pid]);
    } else {
      assert.ok(!acknowledged.has(value), `the job ${value} was acknowledged twice`);
      assert.equal(
        begun.get(value)?.at(-1),
        pid,
        `the job ${value} was acknowledged by one that had not begun it last`,
      );
      acknowledged.set(value, pid);
    }
  }
  // A worker killed right after its acknowledgement has not noted it down; nobody else begins that job again.
  const silent = [...killed.values()].filter((point) => point === "acknowledged").length;
  assert.equal(begun.size, pushed);
  assert.equal(acknowledged.size, pushed - silent);
  // One job may have met several of the doomed.
  const again = [...begun.values()].reduce((sum, { length }) => sum + length - 1, 0);
  assert.equal(again, killed.size - silent);
  const { entries } = await participant.engine.list({ prefix: "done/" });
  assert.equal(entries.length, Math.ceil(pushed / 2));
  assert.deepEqual(await leftovers(participant.engine), ["queue/work/tail"]);
}

function immediate(): Promise<false> {
  return new Promise((resolve) => setImmediate(() => resolve(false)));
}
