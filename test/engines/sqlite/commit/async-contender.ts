import { openStore } from "../../../../src/index.ts";

// Writes in a loop for so many milliseconds, one write after the other; tells how often it did, and its longest wait.
const [, , file, name, duration] = process.argv;
const store = await openStore(file!);
await store.set(`ready ${name}`, "");
process.once("message", async () => {
  let served = 0;
  let longest = 0;
  const end = performance.now() + Number(duration);
  for (let now = performance.now(); now < end; served++) {
    await store.set(`of ${name}`, String(served));
    const after = performance.now();
    longest = Math.max(longest, after - now);
    now = after;
  }
  process.send!({ served, longest });
});
process.send!("ready");
