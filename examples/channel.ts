// A BroadcastChannel across processes: every listener gets every message, in one order.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";

const store = await openStore();
const channel = store.channel<{ temperature: number }>("weather");
if (process.argv[2] === "child") {
  channel.onmessage = ({ data }) => {
    console.log("it is", data.temperature);
    if (data.temperature === 23) void store.close();
  };
  await channel.ready;
  await store.set("listens", "yes");
} else {
  const child = fork(import.meta.filename, ["child"]);
  await store.waitFor("listens");
  for (const temperature of [21, 22, 23]) await channel.post({ temperature });
  await once(child, "exit");
  await store.close();
}

// Prints:
//   it is 21
//   it is 22
//   it is 23
