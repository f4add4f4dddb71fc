// A lock across processes, as a handle: held until it is released, or until its process ends in any way.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  for (let i = 0; i < 10; i++) {
    const lock = await store.lock("counter");
    // Nobody else is here. (With `await using` the release is written by itself.)
    const count = Number((await store.get("count")) ?? 0);
    await store.set("count", String(count + 1), { fence: lock });
    await lock.release();
  }
} else {
  const children = Array.from({ length: 4 }, () => fork(import.meta.filename, ["child"]));
  await Promise.all(children.map((child) => once(child, "exit")));
  console.log("counted to", await store.get("count"));
}
await store.close();

// Prints:
//   counted to 40
