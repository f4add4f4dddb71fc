import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { message, start } from "../../../fixtures/child.ts";
import { cannotMount } from "../../../fixtures/mount.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const TENANT = path.join(import.meta.dirname, "../sessions/tenant.ts");

test("a store is one store by its own name and through a symbolic link", async (t) => {
  const folder = temporaryFolder(t);
  const [real, link] = [path.join(folder, "real.db"), path.join(folder, "link.db")];
  fs.symlinkSync("real.db", link);
  const owner = start(t, TENANT, link);
  const key = await message<string>(owner);
  const [byName, byLink] = [await openStore(real), await openStore(link)];
  for (const store of [byName, byLink]) {
    assert.equal(await store.get(key), "here");
    assert.equal(await store.create(key, "stolen"), false);
  }
  for (const name of [real, link]) {
    const store = openStoreSync(name);
    assert.equal(store.getValue(key), "here");
    assert.equal(store.createValue(key, "stolen"), false);
    store.close();
  }
  await using lock = await byName.lock("turn");
  await assert.rejects(byLink.lock("turn", { timeout: 200 }), { code: "ERR_STORE_TIMEOUT" });
  await lock.release();
  await using next = await byLink.lock("turn", { timeout: 5000 });
  assert.equal(next.held, true);
  await Promise.all([byName.close(), byLink.close()]);
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.endsWith("-sessions")),
    ["real.db-sessions"],
  );
});

/** Each call that uses the file is refused, also a read. */
async function assertRefused(file: string): Promise<void> {
  const refusal = { code: "ERR_STORE_UNSAFE", message: /mount (the|its) folder/i };
  const store = openStoreSync(file);
  assert.throws(() => store.getValue("key"), refusal);
  assert.throws(() => store.setValue("key", "other"), refusal);
  await assert.rejects(openStore(file), refusal);
  store.close();
}

test("a second hard link of the file is refused, at opening and while it is open", async (t) => {
  const folder = temporaryFolder(t);
  const [file, other] = [path.join(folder, "store.db"), path.join(folder, "other.db")];
  const [store, waiting] = [openStoreSync(file), await openStore(file)];
  store.setValue("key", "value");
  await waiting.set("bound", "here", { ephemeral: true });
  fs.linkSync(file, other);
  assert.throws(() => store.setValue("key", "other"), { code: "ERR_STORE_UNSAFE" });
  await assert.rejects(async () => waiting.set("key", "other"), { code: "ERR_STORE_UNSAFE" });
  await assertRefused(file);
  await assertRefused(other);
  fs.rmSync(other);
  store.setValue("key", "new");
  assert.equal(await waiting.get("key"), "new");
  fs.linkSync(file, other);
  store.close();
  await waiting.close();
});

test("a bind mount of the file alone is refused, and one of its folder is not", { skip: cannotMount() }, async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const store = openStoreSync(file);
  store.setValue("key", "value");
  const [oneFile, wholeFolder] = [path.join(folder, "one file.db"), path.join(folder, "whole")];
  fs.writeFileSync(oneFile, "");
  fs.mkdirSync(wholeFolder);
  for (const [from, to] of [
    [file, oneFile],
    [folder, wholeFolder],
  ])
    assert.equal(spawnSync("mount", ["--bind", from!, to!]).status, 0);
  try {
    await assertRefused(oneFile);
    const inFolder = openStoreSync(path.join(wholeFolder, "store.db"));
    inFolder.setValue("key", "new");
    inFolder.close();
    assert.equal(store.getValue("key"), "new");
  } finally {
    // First, because SQLite keeps descriptors of the file until the last lock of the process on it is gone.
    store.close();
    for (const place of [oneFile, wholeFolder]) spawnSync("umount", [place]);
  }
});
