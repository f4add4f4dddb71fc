// A counter that all processes share.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";

const store = await openStore();
const counter = store.counter("requests");
if (process.argv[2] === "child") {
  await Promise.all(Array.from({ length: 100 }, () => counter.increment()));
} else {
  const children = [1, 2, 3].map(() => fork(import.meta.filename, ["child"]));
  await Promise.all(children.map((child) => once(child, "exit")));
  console.log("requests:", await counter.get());
}
await store.close();

// Prints:
//   requests: 300
