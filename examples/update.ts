// Read, modify, write, without a lost update: `update` tries again when somebody else was faster.
import { fork } from "node:child_process";
import { once } from "node:events";
import { json, openStore } from "ipctools";

const store = await openStore(undefined, { codec: json<{ visits: number }>() });
if (process.argv[2] === "child") {
  for (let i = 0; i < 25; i++) await store.update("page", (page) => ({ visits: (page?.visits ?? 0) + 1 }));
} else {
  const children = Array.from({ length: 4 }, () => fork(import.meta.filename, ["child"]));
  await Promise.all(children.map((child) => once(child, "exit")));
  console.log(await store.get("page"));
}
await store.close();

// Prints:
//   { visits: 100 }
