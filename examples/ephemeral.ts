// Presence: an entry that goes when its process ends in any way, `kill -9` included.
import { fork } from "node:child_process";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  await store.set("online/worker", "here", { ephemeral: true });
  setInterval(() => {}, 1000);
} else {
  const changes = store.watch("online/worker");
  const child = fork(import.meta.filename, ["child"]);
  for await (const { type } of changes) {
    console.log(type === "set" ? "it came" : "it went");
    if (type === "delete") break;
    child.kill("SIGKILL");
  }
  await store.close();
}

// Prints:
//   it came
//   it went
