import type { Operation } from "../operation.ts";
import { CALL, perCall } from "../timing.ts";

/** Sets under way while the keys are made. */
const WINDOW = 256;

export const list: Operation = {
  name: "list",
  title: "List keys with their values",
  about: "All keys with a prefix, so many, beside 1000 others.",
  figures: CALL,
  needs: "list",
  reference: "ipctools-file",
  sizes: { what: "keys", values: [10, 1000, 100_000], quick: [10] },
  mostRounds: 1,
  async run({ subject, size, duration }) {
    let n = 0;
    const make = async (prefix: string, count: number) => {
      for (n = 0; n < count; ) {
        const some = Math.min(WINDOW, count - n);
        await Promise.all(Array.from({ length: some }, () => subject.set!(`${prefix}${n}`, `value ${n++}`)));
      }
    };
    await make("other-", 1000);
    await make("listed-", size);
    if ((await subject.list!("listed-")) !== size) throw new Error("not all keys are listed");
    return perCall(() => subject.list!("listed-"), duration);
  },
};
