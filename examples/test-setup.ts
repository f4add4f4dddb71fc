// One set-up for all test workers (Playwright, Jest, Vitest): the first that comes does it, all get its result.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "worker") {
  const database = await store.once("set-up", async () => {
    console.log("one creates the database");
    return { url: "postgres://localhost/test_1" };
  });
  if (database.url !== "postgres://localhost/test_1") process.exitCode = 1;
} else {
  const workers = Array.from({ length: 4 }, () => fork(import.meta.filename, ["worker"]));
  const ends = await Promise.all(workers.map((worker) => once(worker, "exit")));
  console.log(`${ends.filter(([status]) => status === 0).length} workers use it`);
}
await store.close();

// Prints:
//   one creates the database
//   4 workers use it
