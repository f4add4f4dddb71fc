// An engine of your own: everything of the store works on it (the engine is in map-engine/engine.ts).
import { openStore } from "ipctools";
import { openMapEngine } from "./map-engine/engine.ts";

const store = await openStore(openMapEngine());
await store.set("color", "blue");
console.log(await store.get("color"), "at version", (await store.getEntry("color"))?.version);
await store.locks.request("report", async (lock) => {
  console.log("locked", lock.name, lock.mode);
});
await store.close();

// Prints:
//   blue at version 1
//   locked report exclusive
