import { openStore } from "../../../../src/index.ts";

/* Sets a key whenever it is asked to, to the time at which it does. */

const store = await openStore(process.argv[2]!);
process.on("message", async () => {
  await store.set("key", String(performance.timeOrigin + performance.now()));
});
process.send!("ready");
