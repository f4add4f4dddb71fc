import type { Operation } from "../operation.ts";
import { now } from "../timing.ts";

/** Calls that are under way at once. */
const WINDOW = 128;

export const pipelined: Operation = {
  name: "pipelined",
  title: "Sets from one process, many under way",
  about: `${WINDOW} sets are under way at any time, each of another key of 1000.`,
  figures: { sets: "/s" },
  needs: "set",
  reference: "ipctools-file",
  async run({ subject, duration }) {
    let n = 0;
    let end = now() + duration * 200;
    const loop = async () => {
      while (now() < end) {
        await subject.set!(`key-${n % 1000}`, `value ${n}`);
        n++;
      }
    };
    const loops = () => Promise.all(Array.from({ length: WINDOW }, loop));
    await loops();
    n = 0;
    const begun = now();
    end = begun + duration * 1000;
    await loops();
    return { sets: (n / (now() - begun)) * 1e6 };
  },
};
