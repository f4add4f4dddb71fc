import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { openSqliteSyncEngine } from "../../src/engines/sqlite/sync-engine.ts";
import { recordHistory } from "./crew.ts";
import { checkRegisters, explain } from "./register.ts";

/** A store with a value in it: until then a read is an error, and not "no such key". */
async function withStore<T>(run: (file: string) => Promise<T>): Promise<T> {
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

for (const kind of ["sqlite-sync", "seed"] as const)
  test(`eight processes on one file, some of them killed: linearizable (${kind})`, async () => {
    await withStore(async (file) => {
      const seed = Date.now() % 100_000;
      const { operations, kills } = await recordHistory({
        target: { kind, path: file },
        ...{ seed, duration: 1500, killEvery: 120 },
      });
      const verdict = checkRegisters(operations);
      assert.ok(verdict.linearizable, `seed ${seed}: ${explain(verdict)}`);
      assert.ok(operations.length > 300 && kills > 0, `${operations.length} operations, ${kills} kills`);
    });
  });
