import * as path from "node:path";
import type { Peer } from "../peer.ts";
import { openSubject, STORE_DOES } from "./store-subject.ts";

/** The asynchronous store on a file, and what is built on it. */
export const ipctoolsFile: Peer = {
  name: "ipctools-file",
  title: "**ipctools** (async, a file)",
  does: STORE_DOES,
  open: ({ folder }) => openSubject(path.join(folder, "store.db")),
};
