import * as path from "node:path";
import { openStoreSync } from "../../src/sync/sync-store.ts";
import type { Peer } from "../peer.ts";

/** The blocking API on a store file. */
export const ipctools: Peer = {
  name: "ipctools",
  title: "**ipctools** (blocking API)",
  does: ["set", "get", "create"],
  open({ folder }) {
    const store = openStoreSync(path.join(folder, "store.db"));
    return {
      set: (key, value) => store.setValue(key, value),
      get: (key) => store.getValue(key),
      create: (key, value) => store.createValue(key, value),
      close: () => store.close(),
    };
  },
};
