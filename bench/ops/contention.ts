import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { isPromise, now } from "../timing.ts";

interface Shift {
  calls: number;
  longest: number;
}

export const contention: Operation = {
  name: "contention",
  title: "Writers in a loop, all at once",
  about:
    "Processes that set values without a pause, each its own keys: sets in all, the calls of the least served beside those of the most served, the longest call.",
  figures: { sets: "/s", "least/most": "", longest: "ms" },
  needs: "set",
  reference: "node-sqlite",
  without: ["python-ipctools", "python-sqlite3", "python-diskcache", "keyv", "file-per-value"],
  sizes: { what: "writers", values: [2, 4, 8], quick: [2] },
  async run(trial) {
    const crew = new Crew(trial, contention);
    try {
      const writers = await crew.start("writer", trial.size);
      const begin = now() + 20_000;
      const shifts = await Promise.all(writers.map((writer) => writer.ask<Shift>(begin)));
      const calls = shifts.map((shift) => shift.calls);
      return {
        sets: (calls.reduce((a, b) => a + b) / (trial.duration * 2)) * 1000,
        "least/most": Math.min(...calls) / Math.max(...calls),
        longest: Math.max(...shifts.map((shift) => shift.longest)) / 1000,
      };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async writer({ subject, duration }, { index, tell, told }) {
      const key = `key-${index}`;
      await subject.set!(key, "first");
      tell("ready");
      const begin = await told<number>();
      while (now() < begin);
      let calls = 0;
      let longest = 0;
      for (let last = begin; last < begin + duration * 2000; calls++) {
        const set = subject.set!(`${key}-${calls % 100}`, `value ${calls}`);
        if (isPromise(set)) await set;
        const at = now();
        longest = Math.max(longest, at - last);
        last = at;
      }
      tell({ calls, longest } satisfies Shift);
    },
  },
};
