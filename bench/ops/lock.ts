import { setTimeout as sleep } from "node:timers/promises";
import { Crew, type Mate } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { CALL, latencies, now, perCall } from "../timing.ts";

export const lock: Operation = {
  name: "lock",
  title: "Lock and release, uncontended",
  about:
    "One process takes and releases one lock again and again. Aim: three times a set at the most, ten times faster than proper-lockfile.",
  figures: CALL,
  needs: "lock",
  reference: "proper-lockfile",
  run: ({ subject, duration }) => perCall(async () => (await subject.lock!("mutex"))(), duration),
};

/** Time for the waiter to take its place, in milliseconds. */
const SETTLED = 8;

export const handOver: Operation = {
  name: "hand-over",
  title: "Hand-over of a lock",
  about:
    "Between two processes: from the call of the holder that releases to the grant of the one that waits. Aim: p50 of 500 µs.",
  figures: { p50: "µs", p99: "µs" },
  needs: "lock",
  reference: "proper-lockfile",
  async run(trial) {
    const crew = new Crew(trial, handOver);
    const samples: number[] = [];
    try {
      let [holder, waiter] = (await crew.start("holder", 2)) as [Mate, Mate];
      await holder.ask("lock");
      for (const end = now() + trial.duration * 3000; now() < end || samples.length < 3; ) {
        waiter.tell("lock");
        await sleep(SETTLED);
        const released = await holder.ask<number>("release");
        samples.push((await waiter.next<number>()) - released);
        [holder, waiter] = [waiter, holder];
      }
      return latencies(samples);
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async holder({ subject }, { tell, told }) {
      tell("ready");
      for (;;) {
        await told();
        const release = await subject.lock!("mutex");
        tell(now());
        await told();
        const released = now();
        await release();
        tell(released);
      }
    },
  },
};
