import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { now } from "../timing.ts";

/** Pushes that are under way at once. */
const WINDOW = 32;

export const queue: Operation = {
  name: "queue",
  title: "Jobs a second through a work queue",
  about: `One process pushes jobs, ${WINDOW} under way at any time; so many others take and acknowledge them, until the last is done.`,
  figures: { jobs: "/s" },
  needs: "push",
  reference: "ipctools-file",
  sizes: { what: "workers", values: [1, 4], quick: [1], base: 1 },
  async run(trial) {
    const { subject, duration } = trial;
    const crew = new Crew(trial, queue);
    try {
      const workers = await crew.start("worker", trial.size);
      let pushed = 0;
      const begun = now();
      const end = begun + duration * 1000;
      const loop = async () => {
        while (now() < end) await subject.push!("jobs", `job ${pushed++}`);
      };
      await Promise.all(Array.from({ length: WINDOW }, loop));
      let done = 0;
      const all = Promise.withResolvers<number>();
      await Promise.all(
        workers.map(async (worker) => {
          while (done < pushed) {
            const more = await Promise.race([worker.next<number>(), all.promise]);
            done += more;
          }
          all.resolve(0);
        }),
      );
      return { jobs: (pushed / (now() - begun)) * 1e6 };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async worker({ subject }, { tell }) {
      tell("ready");
      await subject.work!("jobs", () => tell(1));
    },
  },
};
