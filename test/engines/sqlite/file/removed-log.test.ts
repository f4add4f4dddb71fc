import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStore, openStoreSync, type SyncStore } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const skip =
  process.platform !== "linux" || "Deno" in globalThis ? "needs the descriptors that Linux lists in /proc" : false;

/** Runs a line on the store in a process of its own; what it printed. */
function elsewhere(file: string, line: string): string {
  const module = JSON.stringify(new URL("../../../../src/index.ts", import.meta.url).href);
  const program = `const { openStoreSync } = await import(${module});
    const store = openStoreSync(${JSON.stringify(file)}); ${line}; store.close();`;
  const { stdout, status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Sets the keys, each until it is acknowledged. */
function setAll(store: SyncStore, keys: readonly string[]): string[] {
  const refused: string[] = [];
  for (const key of keys)
    try {
      store.setValue(key, "acknowledged");
    } catch (error) {
      refused.push((error as { code: string }).code);
    }
  return refused;
}

test("a program that copies the files of its store with fs loses no acknowledged write by it", { skip }, async (t) => {
  for (const handles of [1, 2]) {
    const folder = temporaryFolder(t);
    const file = path.join(folder, "store.db");
    const stores = Array.from({ length: handles }, () => openStoreSync(file));
    for (const store of stores) store.setValue("key", "before");
    for (const suffix of ["", "-wal", "-shm"]) fs.copyFileSync(file + suffix, path.join(folder, `copy${suffix}`));
    // The copies dropped this process's locks, so that the next one to close believes to be the last, and removes the log.
    elsewhere(file, 'store.setValue("other", "from elsewhere")');
    assert.equal(fs.existsSync(`${file}-wal`), false, "the log was to be removed");
    const acknowledged: string[] = [];
    for (const round of [1, 2])
      for (const [i, store] of stores.entries()) {
        const key = `${round} ${i}`;
        const refused = setAll(store, [key]);
        assert.deepEqual(
          refused,
          refused.map(() => "ERR_STORE_REPLACED"),
        );
        if (refused.length === 0) acknowledged.push(key);
        if (round === 2) assert.deepEqual(refused, [], "it works again once every handle has noticed");
      }
    for (const key of acknowledged)
      assert.equal(
        elsewhere(file, `process.stdout.write(String(store.getValue(${JSON.stringify(key)})))`),
        "acknowledged",
      );
    assert.equal(stores[0]!.getValue("other"), "from elsewhere");
    for (const store of stores) store.close();
  }
});

test("a log that is removed while it is in use: no write is acknowledged, and none is lost", { skip }, async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = openStoreSync(file);
  const waiting = await openStore(file);
  assert.deepEqual(setAll(store, ["a", "b", "c"]), []);
  fs.rmSync(`${file}-wal`);
  assert.deepEqual(setAll(store, ["d"]), ["ERR_STORE_REPLACED"]);
  await assert.rejects(async () => waiting.set("e", "value"), { code: "ERR_STORE_REPLACED" });
  store.close();
  await waiting.close();
  const after = openStoreSync(file);
  assert.deepEqual([...after.keys()], ["a", "b", "c"]);
  after.setValue("f", "value");
  after.close();
});
