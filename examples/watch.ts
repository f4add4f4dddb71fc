// A process is told of what another one changes, as it happens, and waits for a value without asking again and again.
import { fork } from "node:child_process";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  for (const colour of ["red", "green"]) await store.set(`light/${colour}`, "on");
  await store.set("ready", "yes");
  await store.waitFor("stop");
} else {
  const changes = store.watch({ prefix: "light/" });
  fork(import.meta.filename, ["child"]);
  for await (const { type, key } of changes) {
    console.log(type, key);
    if (key === "light/green") break;
  }
  console.log("ready:", await store.waitFor("ready"));
  await store.set("stop", "");
}
await store.close();

// Prints:
//   set light/red
//   set light/green
//   ready: yes
