import type { Operation } from "../operation.ts";
import { perCall } from "../timing.ts";

export const start: Operation = {
  name: "start",
  title: "Start the command line",
  about: "`ipctools get KEY` from start to end. Aim: 1.5 times what starting Node costs at the most.",
  figures: { "per call": "ms" },
  needs: "start",
  reference: "node",
  async run({ subject, duration }) {
    const { "per call": spent } = await perCall(() => subject.start!(), duration);
    return { "per call": spent! / 1000 };
  },
};
