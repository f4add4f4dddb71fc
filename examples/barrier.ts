// Nobody goes on before all have come.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  await store.increment("came");
  await store.barrier("start", 3).wait();
  console.log("goes on after", await store.get("came"), "have come");
} else {
  const children = [1, 2, 3].map(() => fork(import.meta.filename, ["child"]));
  await Promise.all(children.map((child) => once(child, "exit")));
}
await store.close();

// Prints:
//   goes on after 3 have come
//   goes on after 3 have come
//   goes on after 3 have come
