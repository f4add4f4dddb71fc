import * as fs from "node:fs";
import { Queue } from "../../../src/coordination/queue/queue.ts";
import { participate } from "../../fixtures/participant.ts";

/*
 * Works on jobs until it is stopped, and notes down what it does. Kills itself at the named point of its nth job, if told.
 * A job's effect (an entry that must not be there yet) and its acknowledgement are one commit for every second job.
 */
const [file, journal, point, nth] = process.argv.slice(2) as [string, string, string, string];

const participant = await participate(file);
const queue = new Queue<number>(participant, "work", { attempts: 1000 });
const out = fs.openSync(journal, "a");
const stop = new AbortController();
process.once("message", () => stop.abort());
let count = 0;

function reach(name: string): void {
  if (name === point && count === Number(nth)) process.kill(process.pid, "SIGKILL");
}

try {
  for await (const job of queue.jobs({ signal: stop.signal })) {
    count++;
    fs.writeSync(out, `begin ${job.value} ${process.pid}\n`);
    reach("taken");
    const effect = { type: "set", key: `done/${job.value}`, value: String(process.pid) } as const;
    if (job.value % 2 === 0) {
      const { checks, mutations, committed } = await job.acking().prepare();
      reach("worked");
      const all = { checks: [...checks, { key: effect.key, version: 0 }], mutations: [...mutations, effect] };
      const { ok, version } = await participant.engine.commit(all);
      if (!ok) throw new Error(`the job ${job.value} was done by another, or done twice`);
      committed?.(version);
    } else {
      reach("worked");
      await job.ack();
    }
    reach("acknowledged");
    fs.writeSync(out, `ack ${job.value} ${process.pid}\n`);
  }
} catch (error) {
  if (error !== stop.signal.reason) throw error;
}
await participant.engine.close();
process.disconnect?.();
