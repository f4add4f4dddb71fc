import * as path from "node:path";
import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";
import type { Peer } from "../peer.ts";
import { engineSubject } from "./engine-subject.ts";

/** The asynchronous store on a file, and what is built on it. */
export const ipctoolsFile: Peer = {
  name: "ipctools-file",
  title: "**ipctools** (async, a file)",
  does: ["set", "get", "create", "lock", "elect", "watch", "list", "listen", "post", "once", "push"],
  open: async ({ folder }) => engineSubject(await openSqliteEngine(path.join(folder, "store.db"))),
};
