import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStore, openStoreSync, type SyncStore } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const notOnWindows = process.platform === "win32" && "links need a privilege there";

/** Paths that lead nowhere. */
const PATHS: Record<string, (folder: string) => string> = {
  "a link to itself": (folder) => {
    fs.symlinkSync("loop", path.join(folder, "loop"));
    return path.join(folder, "loop");
  },
  "a folder that is a circle of links": (folder) => {
    fs.symlinkSync("b", path.join(folder, "a"));
    fs.symlinkSync("a", path.join(folder, "b"));
    return path.join(folder, "a", "s.db");
  },
  "a name that is too long": (folder) => path.join(folder, "x".repeat(300)),
  "a path that is too long": (folder) => path.join(folder, "x/".repeat(5000), "s.db"),
};

const CALLS: Record<string, (store: SyncStore) => unknown> = {
  getValue: (store) => store.getValue("key"),
  keys: (store) => store.keys(),
  info: (store) => store.info(),
  setValue: (store) => store.setValue("key", "value"),
  createValue: (store) => store.createValue("key", "value"),
  deleteValue: (store) => store.deleteValue("key"),
};

const CODES = new Set(["ERR_STORE_IO", "ERR_STORE_UNSAFE"]);
const isTyped = (error: unknown) => {
  const { name, code } = error as { name: string; code: string };
  assert.deepEqual([name, CODES.has(code)], ["StoreError", true], String(error));
  return true;
};

for (const [what, make] of Object.entries(PATHS))
  test(`${what} is a StoreError for reads as for writes`, { skip: notOnWindows }, async (t) => {
    const file = make(temporaryFolder(t));
    const store = openStoreSync(file);
    t.after(() => store.close());
    for (const call of Object.values(CALLS)) assert.throws(() => call(store), isTyped);
    assert.equal(store.tryGetValue("key"), undefined);
    assert.equal(store.trySetValue("key", "value"), false);
    await assert.rejects(openStore(file), isTyped);
  });

test("a path below a file: nothing was set there, and nothing can be", async (t) => {
  const folder = temporaryFolder(t);
  fs.writeFileSync(path.join(folder, "file"), "");
  const file = path.join(folder, "file", "s.db");
  const store = openStoreSync(file);
  t.after(() => store.close());
  assert.throws(() => store.getValue("key"), { code: "ERR_STORE_NOT_INITIALIZED" });
  assert.throws(() => store.setValue("key", "value"), { code: "ERR_STORE_IO" });
  await assert.rejects(openStore(file), { code: "ERR_STORE_IO" });
});

test("a store whose path becomes a link to itself while it is open", { skip: notOnWindows }, async (t) => {
  const file = path.join(temporaryFolder(t), "s.db");
  const blocking = openStoreSync(file);
  t.after(() => blocking.close());
  blocking.setValue("key", "value");
  const store = await openStore(file);
  t.after(() => store.close().catch(() => {}));
  await store.get("key");
  for (const name of [file, `${file}-wal`, `${file}-shm`]) fs.rmSync(name);
  fs.symlinkSync("s.db", file);
  assert.throws(() => blocking.setValue("key", "value"), isTyped);
  assert.throws(() => blocking.getValue("key"), isTyped);
  await assert.rejects(store.set("key", "value"), isTyped);
  await assert.rejects(store.get("key"), isTyped);
  await assert.rejects(store.lock("a"), isTyped);
});
