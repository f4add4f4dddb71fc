import { setTimeout as sleep } from "node:timers/promises";
import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { latencies, now } from "../timing.ts";

/** Time for the next candidate to take its place, in milliseconds. */
const SETTLED = 60;

export const failOver: Operation = {
  name: "fail-over",
  title: "Fail-over of a leader",
  about:
    "From the SIGKILL of the leader's process to the win of the next candidate's; in half of the kills the leader's event loop is blocked. Aim: p50 of 5 ms, p99 of 25 ms.",
  figures: { p50: "ms", p99: "ms", kills: "" },
  needs: "elect",
  reference: "proper-lockfile",
  async run(trial) {
    const crew = new Crew(trial, failOver);
    const samples: number[] = [];
    try {
      let [leader] = await crew.start("candidate", 1);
      await leader!.next();
      let [next] = await crew.start("candidate", 1);
      for (const end = now() + trial.duration * 20_000; now() < end || samples.length < 2; ) {
        await sleep(SETTLED);
        if (samples.length % 2 === 1) await leader!.ask("block");
        const killed = now();
        process.kill(leader!.pid, "SIGKILL");
        const won = await next!.next<number>();
        if (won < killed) throw new Error("two leaders at once");
        samples.push((won - killed) / 1000);
        leader = next;
        [next] = await crew.start("candidate", 1);
      }
      return { ...latencies(samples), kills: samples.length };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async candidate({ subject }, { tell, told }) {
      tell("ready");
      await subject.elect!("leader");
      tell(now());
      await told();
      tell("blocked");
      setTimeout(() => {
        for (;;);
      }, 5);
      await told();
    },
  },
};
