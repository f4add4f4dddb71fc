import * as fs from "node:fs";
import { Channel } from "../../../src/coordination/channel/channel.ts";
import { participate } from "../../fixtures/participant.ts";

/*
 * Posts so many messages, and writes what it receives from the others to a journal, until it is told to stop. Tells its parent
 * when it listens, and when it has posted all.
 */
const [file, journal, id, count] = process.argv.slice(2) as [string, string, string, string];

const { engine, session } = await participate(file);
const channel = new Channel<{ from: string; n: number }>({ engine, session }, "news", { capacity: 100_000 });
const out = fs.openSync(journal, "a");
channel.onmessage = ({ data }) => fs.writeSync(out, `${data.from} ${data.n}\n`);
channel.onmessageerror = ({ data }) => fs.writeSync(out, `error ${data}\n`);
await channel.ready;
process.send?.("ready");
process.on("message", async (what) => {
  if (what === "post") {
    for (let n = 0; n < Number(count); n++) {
      if (n % 10 === 9) await channel.post({ from: id, n });
      else channel.postMessage({ from: id, n });
    }
    process.send?.("posted");
  } else if (what === "mark") await channel.post({ from: id, n: -1 });
  else {
    await channel.close();
    await engine.close();
    process.disconnect?.();
  }
});
