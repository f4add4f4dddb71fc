import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { openSqliteSyncEngine } from "../../src/engines/sqlite/sync-engine.ts";
import type { TargetName } from "./targets/open.ts";

/** Every way to a store file. */
export function waysTo(file: string): TargetName[] {
  return (["sqlite", "sqlite-sync", "seed"] as const).map((kind) => ({ kind, path: file }));
}

/** A store file with a value in it (until then a read is an error, and not "no such key"), removed afterwards. */
export async function withStoreFile<T>(run: (file: string) => Promise<T>): Promise<T> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-linearizability-"));
  const file = path.join(directory, "store.db");
  try {
    const engine = openSqliteSyncEngine(file);
    engine.commit({ mutations: [{ type: "set", key: "initialized", value: "yes" }] });
    engine.close();
    return await run(file);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}
