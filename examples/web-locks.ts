// The Web Locks API, across processes. A new holder is told when the last one died in the midst of its work.
import { fork } from "node:child_process";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  await store.locks.request("printer", async () => {
    await store.set("child", "has the printer");
    await new Promise(() => setInterval(() => {}, 1000));
  });
} else {
  const child = fork(import.meta.filename, ["child"]);
  console.log("the child", await store.waitFor("child"));
  await store.locks.request("printer", { ifAvailable: true }, (lock) => console.log("at once:", lock));
  child.kill("SIGKILL");
  await store.locks.request("printer", ({ name, mode, ownerDied }) => console.log({ name, mode, ownerDied }));
}
await store.close();

// Prints:
//   the child has the printer
//   at once: null
//   { name: 'printer', mode: 'exclusive', ownerDied: true }
