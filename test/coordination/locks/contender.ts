/** Enters a critical section again and again, writing down each enter and exit; may kill itself at a point. */
import * as fs from "node:fs";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";
import { Fate } from "../kill-points.ts";

const [file, journal, sections, point, times] = process.argv.slice(2) as [string, string, string, string, string];
process.once("disconnect", () => process.exit());
const fate = new Fate(point, Number(times));
const engine = fate.over(await openSqliteEngine(file));
const session = engine.openSession();
const client = new LockClient({ engine, session: () => session });
await session;
process.send!("ready");
await new Promise((resolve) => process.once("message", resolve));
const log = fs.openSync(journal, "a");
let stopped = false;
process.once("message", () => {
  stopped = true;
});
for (let i = 0; i < Number(sections) && !stopped; i++) {
  const lock = await client.lock("contested");
  const { createdVersion: created } = (await engine.get(lock.check.key, "system"))!;
  fs.writeSync(log, `${JSON.stringify({ pid: process.pid, enter: lock.token, created, ownerDied: lock.ownerDied })}\n`);
  fate.at("inside");
  fs.writeSync(log, `${JSON.stringify({ pid: process.pid, exit: lock.token })}\n`);
  await lock.release();
  // What comes from outside comes in here.
  await new Promise((resolve) => setImmediate(resolve));
}
await engine.close();
process.disconnect();
