import * as fs from "node:fs";
import { once } from "../../src/coordination/once.ts";
import { participate } from "../fixtures/participant.ts";

/*
 * Calls once(), and tells its parent. The run says so in the journal when it begins and when it ends; with "hang" it blocks
 * its event loop in between until it is killed.
 */
const [file, journal, name, doomed] = process.argv.slice(2) as [string, string, string, string?];

const participant = await participate(file);
const note = (event: string) => fs.appendFileSync(journal, `${event} ${process.pid}\n`);

note("call");
const result = await once(participant, name, () => {
  note("begin");
  if (doomed === "die-before") process.kill(process.pid, "SIGKILL");
  if (doomed === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  note("end");
  return new Map([["by", process.pid]]);
});
// Deno drops what is under way when the channel closes.
await new Promise((resolve) => process.send!(result.get("by"), resolve));
await participant.engine.close();
process.disconnect();
