import { Counter } from "../../src/coordination/counter.ts";
import { participate } from "../fixtures/participant.ts";

/* Adds 1 so many times, some at once; tells its parent after each batch how many are done. Its last message is the last sum. */
const [file, times] = process.argv.slice(2) as [string, string];

const participant = await participate(file);
const counter = new Counter(participant, "hits");
let sum = 0;
for (let done = 0; done < Number(times); done += 5) {
  sum = Math.max(...(await Promise.all(Array.from({ length: 5 }, () => counter.increment(1, { timeout: 60_000 })))));
  // Waited for: Deno drops what is under way when the channel closes.
  await new Promise((resolve) => process.send!({ done: done + 5, sum }, resolve));
}
await participant.engine.close();
process.disconnect();
