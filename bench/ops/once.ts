import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { now } from "../timing.ts";

/** How long what runs once takes, in milliseconds. */
const RUN = 20;

export const once: Operation = {
  name: "once",
  title: "Run once for many processes",
  about: `So many processes call at the same time for the result of one function, which takes ${RUN} ms; until the last of them has it.`,
  figures: { "until all have it": "ms" },
  needs: "once",
  reference: "ipctools-file",
  sizes: { what: "processes", values: [2, 32], quick: [2], base: 2 },
  async run(trial) {
    const crew = new Crew(trial, once);
    try {
      const callers = await crew.start("caller", trial.size);
      const times: number[] = [];
      for (let turn = 0; turn < 5; turn++) {
        const begin = now() + 10_000 + trial.size * 500;
        const ends = await Promise.all(callers.map((caller) => caller.ask<number>({ name: `turn-${turn}`, begin })));
        times.push((Math.max(...ends) - begin) / 1000);
      }
      return { "until all have it": Math.min(...times) };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async caller({ subject }, { tell, told }) {
      tell("ready");
      for (;;) {
        const { name, begin } = await told<{ name: string; begin: number }>();
        while (now() < begin) await new Promise((resolve) => setTimeout(resolve, 1));
        await subject.once!(name, async () => {
          await new Promise((resolve) => setTimeout(resolve, RUN));
          return process.pid;
        });
        tell(now());
      }
    },
  },
};
