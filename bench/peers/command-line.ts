import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { openStoreSync } from "../../src/sync/sync-store.ts";
import type { Peer } from "../peer.ts";

const program = path.join(import.meta.dirname, "../../dist/cli/main.cjs");

/** The built command, by Node itself as the shell starts it. */
export const commandLine: Peer = {
  name: "ipctools-command",
  title: "**ipctools** `get KEY`",
  built: program,
  does: ["start"],
  open({ folder }) {
    const IPCTOOLS_STORE = path.join(folder, "store.db");
    const store = openStoreSync(IPCTOOLS_STORE);
    store.setValue("key", "value");
    const env = { ...process.env, IPCTOOLS_STORE };
    return {
      start() {
        const { stdout } = spawnSync(process.execPath, [program, "get", "key"], { env, encoding: "utf8" });
        if (stdout !== "value\n") throw new Error(`the command said ${JSON.stringify(stdout)}`);
      },
      close: () => store.close(),
    };
  },
};

/** What starting Node costs. */
export const nodeItself: Peer = {
  name: "node",
  title: "`node -e 0`",
  does: ["start"],
  open: () => ({ start: () => spawnSync(process.execPath, ["-e", "0"]) }),
};
