import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

/** A store with a value, changed by another program. */
function storeChangedBy(t: TestContext, sql: string): string {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = openStoreSync(file);
  store.setValue("key", "value");
  store.close();
  const db = new DatabaseSync(file, { defensive: false } as object);
  db.exec(sql);
  db.close();
  return file;
}

const ENDLESS = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)";

for (const [when, trigger] of Object.entries({
  "on store": `CREATE TRIGGER foreign_one AFTER INSERT ON store BEGIN SELECT ${ENDLESS}; END`,
  "in the place of one of ours": `DROP TRIGGER ipctools_insert_store;
    CREATE TRIGGER ipctools_insert_store AFTER INSERT ON store BEGIN SELECT ${ENDLESS}; END`,
  "on the version": `CREATE TRIGGER foreign_one AFTER UPDATE ON ipctools_version BEGIN SELECT ${ENDLESS}; END`,
}))
  test(`an endless trigger ${when} is refused before it runs`, (t) => {
    const file = storeChangedBy(t, trigger);
    const program = `
      import { openStoreSync, openStore } from ${JSON.stringify(new URL("../../../../src/index.ts", import.meta.url).href)};
      const store = openStoreSync(${JSON.stringify(file)});
      for (const call of [() => store.setValue("k", "v"), () => store.getValue("key"), () => openStore(${JSON.stringify(file)})])
        try { await call(); console.log("none"); } catch (error) { console.log(error.code); }`;
    // In a process of its own: an endless statement could not be stopped from here.
    const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      timeout: 30_000,
      killSignal: "SIGKILL",
    });
    assert.equal(signal, null, "it hung");
    assert.equal(stdout, "ERR_STORE_DAMAGED\n".repeat(3));
  });

test("at the highest version every write is ERR_STORE_DAMAGED, nothing is written, and reads go on", async (t) => {
  const file = storeChangedBy(t, `UPDATE ipctools_version SET version = ${Number.MAX_SAFE_INTEGER}`);
  const store = openStoreSync(file);
  t.after(() => store.close());
  const refused = { name: "StoreError", code: "ERR_STORE_DAMAGED" };
  for (const write of [
    () => store.setValue("key", "other"),
    () => store.setValue("new", "other"),
    () => store.createValue("new", "other"),
    () => store.deleteValue("key"),
  ])
    assert.throws(write, refused);
  assert.equal(store.getValue("key"), "value");
  assert.deepEqual(store.keys(), ["key"]);
  assert.equal(store.info().version, Number.MAX_SAFE_INTEGER);
  const waiting = await openStore(file);
  t.after(() => waiting.close());
  await assert.rejects(waiting.set("key", "other"), refused);
  await assert.rejects(waiting.lock("a", { timeout: 1000 }), refused);
  await assert.rejects(waiting.counter("a").increment(), refused);
  assert.equal(await waiting.get("key"), "value");
});

test("one below the highest version the last token is given, and none after it", (t) => {
  const file = storeChangedBy(t, `UPDATE ipctools_version SET version = ${Number.MAX_SAFE_INTEGER - 1}`);
  const store = openStoreSync(file);
  t.after(() => store.close());
  store.setValue("key", "last");
  assert.equal(store.info().version, Number.MAX_SAFE_INTEGER);
  assert.throws(() => store.setValue("key", "beyond"), { code: "ERR_STORE_DAMAGED" });
  assert.equal(store.getValue("key"), "last");
});

for (const version of ["9007199254740992", "9223372036854775807"])
  test(`a store at version ${version}: its values can be read, and no write counts`, async (t) => {
    const file = storeChangedBy(
      t,
      `PRAGMA ignore_check_constraints = ON; UPDATE ipctools_version SET version = ${version}`,
    );
    const store = openStoreSync(file);
    t.after(() => store.close());
    assert.equal(store.getValue("key"), "value");
    for (const call of [() => store.setValue("key", "other"), () => store.createValue("new", "x"), () => store.info()])
      assert.throws(call, { code: "ERR_STORE_DAMAGED" });
    assert.equal(store.getValue("key"), "value");
    const waiting = await openStore(file);
    t.after(() => waiting.close());
    assert.equal(await waiting.get("key"), "value");
    await assert.rejects(waiting.set("key", "other"), { code: "ERR_STORE_DAMAGED" });
  });

for (const version of ["9007199254740992", "9223372036854775807"])
  test(`an entry at version ${version}: its value can be read, and nothing builds on its version`, async (t) => {
    const file = storeChangedBy(
      t,
      `UPDATE store SET version = ${Number.MAX_SAFE_INTEGER};
      PRAGMA ignore_check_constraints = ON; UPDATE store SET version = ${version}`,
    );
    const store = openStoreSync(file);
    t.after(() => store.close());
    assert.equal(store.getValue("key"), "value");
    assert.throws(() => store.deleteValue("key"), { code: "ERR_STORE_DAMAGED" });
    assert.throws(() => store.setValue("key", "other"), { code: "ERR_STORE_DAMAGED" });
  });

for (const version of ["'text'", "1.5", "x'ff'", "-1", "NULL"])
  test(`a store whose version is ${version} is damaged`, (t) => {
    const file = storeChangedBy(
      t,
      `PRAGMA writable_schema = ON; PRAGMA ignore_check_constraints = ON;
       UPDATE sqlite_schema SET sql = replace(sql, 'version INTEGER NOT NULL', 'version') WHERE name = 'ipctools_version';
       PRAGMA writable_schema = RESET; UPDATE ipctools_version SET version = ${version}`,
    );
    const store = openStoreSync(file);
    t.after(() => store.close());
    for (const call of [() => store.getValue("key"), () => store.setValue("key", "x"), () => store.info()])
      assert.throws(call, { name: "StoreError", code: "ERR_STORE_DAMAGED" });
  });

test("a store without its row of the version is damaged", (t) => {
  const file = storeChangedBy(t, "DELETE FROM ipctools_version");
  const store = openStoreSync(file);
  t.after(() => store.close());
  assert.throws(() => store.getValue("key"), { name: "StoreError", code: "ERR_STORE_DAMAGED" });
});
