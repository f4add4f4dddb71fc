import { openStoreSync } from "../../../../src/index.ts";

// Writes in a loop for so many milliseconds; tells how often it did, and its longest wait.
const [, , file, name, duration] = process.argv;
const store = openStoreSync(file!);
store.setValue(`ready ${name}`, "");
process.once("message", () => {
  let served = 0;
  let longest = 0;
  const end = performance.now() + Number(duration);
  for (let now = performance.now(); now < end; served++) {
    store.setValue(`of ${name}`, String(served), { timeout: 30_000 });
    const after = performance.now();
    longest = Math.max(longest, after - now);
    now = after;
  }
  process.send!({ served, longest });
});
process.send!("ready");
