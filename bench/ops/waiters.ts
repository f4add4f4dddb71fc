import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { now } from "../timing.ts";

export const waiters: Operation = {
  name: "waiters",
  title: "A queue of waiters for one lock",
  about:
    "So many requests of another process wait for a lock; from its release until all have had it, each for a moment. Per hand-over: it should not grow with the queue.",
  figures: { "per hand-over": "µs" },
  needs: "lock",
  reference: "ipctools-file",
  without: ["proper-lockfile", "redlock", "redis-semaphore", "etcd3"],
  sizes: { what: "waiters", values: [1, 16, 256], quick: [16], base: 16 },
  async run(trial) {
    const { subject, size } = trial;
    const crew = new Crew(trial, waiters);
    try {
      const [queue] = await crew.start("queue", 1);
      const times: number[] = [];
      for (let turn = 0; turn < 3; turn++) {
        const release = await subject.lock!("mutex");
        await queue!.ask("wait");
        const released = now();
        await release();
        times.push(((await queue!.next<number>()) - released) / size);
      }
      return { "per hand-over": Math.min(...times) };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async queue({ subject, size }, { tell, told }) {
      tell("ready");
      for (;;) {
        await told();
        const all = Array.from({ length: size }, async () => (await subject.lock!("mutex"))());
        // Time for all to take their places.
        await new Promise((resolve) => setTimeout(resolve, 100 + size * 4));
        tell("waiting");
        await Promise.all(all);
        tell(now());
      }
    },
  },
};
