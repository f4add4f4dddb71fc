import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { remainsOf } from "../sessions/remains.ts";

test("Store.backup() copies one moment of a store in use, without what belongs to running programs", async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const writer = start(t, path.join(import.meta.dirname, "pair-writer.ts"), file);
  await message(writer);
  const store = await openStore(file);
  t.after(() => store.close());
  for (let i = 0; i < 200; i++) await store.set(`filler ${i}`, "x".repeat(2000));
  await store.set("expires", "later", { ttl: 3_600_000 });
  const watch = store.watch({ prefix: "" });
  const change = watch.next();
  const seen = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const target = path.join(folder, `copy ${i}.db`);
    await store.backup(target);
    const names = fs.readdirSync(folder).filter((name) => name.startsWith(`copy ${i}`));
    assert.deepEqual(names, [`copy ${i}.db`]);
    assert.equal(fs.statSync(target).mode & 0o777, 0o600);
    assert.deepEqual(remainsOf(target), []);
    const copy = await openStore(target);
    assert.equal(await copy.get("one"), await copy.get("two"));
    seen.add((await copy.get("one"))!);
    assert.equal(await copy.get("ephemeral"), undefined);
    assert.equal(await copy.get("filler 199"), "x".repeat(2000));
    assert.ok((await copy.getEntry("expires"))!.expiresAt! > Date.now());
    await using lock = await copy.lock("turn", { timeout: 1000 });
    assert.equal(lock.held, true);
    await copy.set("one", "changed");
    await lock.release();
    await copy.close();
  }
  assert.ok(seen.size > 1, "the writer was to go on meanwhile");
  assert.equal(await store.get("ephemeral"), "of the writer");
  assert.equal((await change).done, false);
});

test("Store.backup() leaves what exists alone, and says what it cannot do", async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const store = await openStore(file);
  t.after(() => store.close());
  const target = path.join(folder, "copy.db");
  await store.set("key", "value");
  fs.writeFileSync(target, "mine");
  await assert.rejects(store.backup(target), { code: "ERR_STORE_IO", message: /exists/ });
  await assert.rejects(store.backup(file), { code: "ERR_STORE_IO", message: /exists/ });
  assert.equal(fs.readFileSync(target, "utf8"), "mine");
  await assert.rejects(store.backup(path.join(folder, "no", "copy.db")), { code: "ERR_STORE_IO" });
  await assert.rejects(store.backup(""), { code: "ERR_INVALID_ARG_VALUE" });
  await assert.rejects(store.backup(5 as never), { code: "ERR_INVALID_ARG_TYPE" });
  const unsupported = { code: "ERR_STORE_UNSUPPORTED", message: /ipctools copy/ };
  await assert.rejects(store.namespace("part/").backup(path.join(folder, "part.db")), unsupported);
  const memory = await openStore("memory:");
  await assert.rejects(memory.backup(path.join(folder, "memory.db")), unsupported);
  await memory.close();
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => !name.startsWith("store.db")),
    ["copy.db"],
  );
});

test("a store that Python made is backed up, too", async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(file);
  db.exec("CREATE TABLE store (key TEXT PRIMARY KEY, value TEXT NOT NULL); INSERT INTO store VALUES ('key', 'value')");
  db.close();
  const store = await openStore(file);
  await store.backup(path.join(folder, "copy.db"));
  await store.close();
  const copy = openStoreSync(path.join(folder, "copy.db"));
  assert.equal(copy.getValue("key"), "value");
  copy.close();
});
