// A limit that all processes keep together: at most 5 calls in any minute.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  const limit = store.rateLimit("api", { limit: 5, per: 60_000 });
  for (let i = 0; i < 3; i++) {
    const { granted, retryAfter } = await limit.tryTake();
    await store.increment(granted ? "granted" : "refused");
    if (!granted && retryAfter <= 0) throw new Error("a refusal says when to come again");
  }
} else {
  const children = Array.from({ length: 4 }, () => fork(import.meta.filename, ["child"]));
  await Promise.all(children.map((child) => once(child, "exit")));
  console.log("granted", await store.get("granted"), "refused", await store.get("refused"));
}
await store.close();

// Prints:
//   granted 5 refused 7
