/** Takes a lock, a permit or the leadership, tells so, and stays until it is ended from outside; a worker thread or a process. */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { Barrier } from "../../../src/coordination/barrier.ts";
import { Candidacy } from "../../../src/coordination/election.ts";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import { Semaphore } from "../../../src/coordination/semaphore.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";

const [file, what, then] = (isMainThread ? process.argv.slice(2) : workerData) as [string, string, string | undefined];
const engine = await openSqliteEngine(file);
const session = engine.openSession();
const participant = { engine, session: () => session };

const taking: Record<string, () => Promise<unknown>> = {
  lock: () => new LockClient(participant).lock("held"),
  permit: () => new Semaphore(participant, "held", 1).acquire(),
  leadership: () => new Candidacy(participant, "held").won,
  barrier: async () => {
    new Barrier(participant, "held", 3).wait().then(
      () => process.exit(),
      () => process.exit(1),
    );
  },
};
await taking[what]!();

if (isMainThread) process.send!("has it");
else parentPort!.postMessage("has it");
if (isMainThread) process.once("disconnect", () => process.exit());
else parentPort!.on("message", () => {});
// Only after the message has gone.
if (then === "block") setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50);
