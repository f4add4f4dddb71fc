/** One of the demo's processes. It does what it is told, and tells what it saw. */
import { openStore, store } from "ipctools";
import type { Told } from "./told.ts";

const [name = "", prefix = ""] = process.argv.slice(2);
const tell = (told: Told) => process.send!(told);

process.on("message", async (task: "create" | "count" | "elect") => {
  if (task === "create") {
    // The seed functions block, and need no opening: the store is the one that IPCTOOLS_STORE names, or the default.
    const created = store.createValue(`${prefix}chosen`, name);
    tell({ type: "created", created, chosen: store.getValue(`${prefix}chosen`)! });
    return;
  }
  // On a server a dead process is missed after this time (milliseconds); in a file the kernel tells at once.
  const shared = await openStore(undefined, { session: { ttl: 2000 } });
  if (task === "count") {
    for (let i = 0; i < 250; i++) await shared.update(`${prefix}count`, (value) => String(Number(value ?? 0) + 1));
    tell({ type: "counted", count: Number(await shared.get(`${prefix}count`)) });
    await shared.close();
    return;
  }
  // It never resigns: the demo kills it, and the store notices.
  const candidacy = shared.elect(`${prefix}leader`, { value: name });
  tell({ type: "standing" });
  await candidacy.won;
  tell({ type: "won", token: candidacy.token!, at: performance.timeOrigin + performance.now() });
});
process.once("disconnect", () => process.exit());
tell({ type: "ready" });
