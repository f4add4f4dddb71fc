// A cron job in every process of a cluster (PM2, several machines), which runs once for each tick.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "instance") {
  for (const tick of ["12:00", "12:01", "12:02"])
    await store.once(`report ${tick}`, () => console.log(`the report of ${tick}`), { ttl: 3_600_000 });
} else {
  const instances = Array.from({ length: 4 }, () => fork(import.meta.filename, ["instance"]));
  await Promise.all(instances.map((instance) => once(instance, "exit")));
}
await store.close();

// Prints:
//   the report of 12:00
//   the report of 12:01
//   the report of 12:02
