// At most so many at a time across all processes.
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  const permit = await store.semaphore("downloads", 2).acquire();
  const running = await store.increment("running");
  await store.update("most", (most) => String(Math.max(Number(most ?? 0), running)));
  await sleep(20);
  await store.increment("running", -1);
  await permit.release();
} else {
  const children = Array.from({ length: 6 }, () => fork(import.meta.filename, ["child"]));
  await Promise.all(children.map((child) => once(child, "exit")));
  console.log("two at most:", Number(await store.get("most")) <= 2);
}
await store.close();

// Prints:
//   two at most: true
