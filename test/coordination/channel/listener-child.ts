import { Channel } from "../../../src/coordination/channel/channel.ts";
import { participate } from "../../fixtures/participant.ts";

/* Listens, and then does as it is told; says when it ends by itself. */
const [file, how] = process.argv.slice(2) as [string, string];

process.on("exit", () => console.log("ended"));
const channel = new Channel<string>(await participate(file), "c");
if (how !== "nothing") {
  channel.onmessage = ({ data }) => {
    console.log(`got ${data}`);
    void channel.close();
  };
  await channel.ready;
}
if (how === "unref") channel.unref();
if (how === "close") void channel.close();
if (how === "listen") {
  const poster = new Channel<string>(await participate(file), "c");
  // Nothing but the listening channel keeps the process alive until then.
  setTimeout(() => poster.postMessage("stop"), 200).unref();
}
