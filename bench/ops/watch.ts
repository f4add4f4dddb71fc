import { setTimeout as sleep } from "node:timers/promises";
import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { CALL, latencies, now, perCall } from "../timing.ts";

/** Milliseconds between two sets. */
const PAUSE = 2;

export const watch: Operation = {
  name: "watch",
  title: "From a set to the callback in another process",
  about:
    "From the call that sets a key to the last callback of so many watches of it in another process. Aim: p50 of 150 µs.",
  figures: { p50: "µs", p99: "µs" },
  needs: "watch",
  reference: "ipctools-file",
  sizes: { what: "watches", values: [1, 100, 1000], quick: [1, 100], base: 1 },
  async run(trial) {
    const { subject, duration } = trial;
    const crew = new Crew(trial, watch);
    try {
      const [watcher] = await crew.start("watcher", 1);
      const samples: number[] = [];
      for (const end = now() + duration * 2000; now() < end || samples.length < 3; ) {
        await sleep(PAUSE);
        const value = `value ${samples.length}`;
        const begun = now();
        await subject.set!("watched", value);
        samples.push((await watcher!.next<number>()) - begun);
      }
      return latencies(samples.slice(Math.min(20, samples.length >> 1)));
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async watcher({ subject, size }, { tell, told }) {
      let calls = 0;
      const called = () => {
        if (++calls % size === 0) tell(now());
      };
      await Promise.all(Array.from({ length: size }, () => subject.watch!("watched", called)));
      tell("ready");
      await told();
    },
  },
};

interface Load {
  readonly processor: number;
  readonly calls: number;
}

/** Writes a second while the watchers' use of the processor is measured. */
const PACE = 1000;

export const bystanders: Operation = {
  name: "bystanders",
  title: "A set while others watch other keys",
  about: `So many processes each watch a key that nobody sets. And what share of a core they use in all while there are ${PACE} sets a second. Aim: at most 15 % a set, and 5 % of a core for a hundred.`,
  figures: { ...CALL, "watchers' use of a core": "" },
  needs: "watch",
  reference: "ipctools-file",
  sizes: { what: "watchers", values: [0, 1, 10, 100], quick: [0, 2], base: 0 },
  async run(trial) {
    const { subject, size, duration } = trial;
    const crew = new Crew(trial, bystanders);
    try {
      const watchers = await crew.start("watcher", size);
      const set = (n: number) => subject.set!(`key-${n % 1000}`, `value ${n}`);
      for (let n = 0; n < 1000; n++) await set(-n);
      const figures = await perCall(set, duration);
      const before = await Promise.all(watchers.map((watcher) => watcher.ask<Load>("load")));
      const begun = now();
      for (let n = 0; n < (duration * 2 * PACE) / 1000; n++) {
        const late = now() - begun - (n / PACE) * 1e6;
        if (late < 0) await sleep(Math.ceil(-late / 1000));
        await set(n);
      }
      const spent = now() - begun;
      const after = await Promise.all(watchers.map((watcher) => watcher.ask<Load>("load")));
      if (after.some(({ calls }) => calls > 0)) throw new Error("a watcher was called for another key");
      const used = after.reduce((sum, { processor }, index) => sum + processor - before[index]!.processor, 0);
      return { ...figures, "watchers' use of a core": used / spent };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async watcher({ subject }, { index, tell, told }) {
      let calls = 0;
      await subject.watch!(`other-${index}`, () => calls++);
      tell("ready");
      for (;;) {
        await told();
        const { user, system } = process.cpuUsage();
        tell({ processor: user + system, calls } satisfies Load);
      }
    },
  },
};
