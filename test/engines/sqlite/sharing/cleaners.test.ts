import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const TENANT = path.join(import.meta.dirname, "../sessions/tenant.ts");
const isLinux = process.platform === "linux" ? false : "only there do cleaners look at the sticky bit";

/** A store with a session of another process, and everything that stands for them. */
async function openShop(t: TestContext) {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const owner = start(t, TENANT, file);
  const key = await message<string>(owner);
  return { folder, file, key };
}

function filesOf(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !fs.lstatSync(path.join(folder, name)).isDirectory())
    .sort();
}

test("every file of a store that is in use has the sticky bit", { skip: isLinux }, async (t) => {
  const { folder } = await openShop(t);
  const ends = filesOf(folder).map((name) => name.replace(/.*(?=[.-])/, ""));
  assert.deepEqual(ends.sort(), ["-shm", "-wal", ".bell", ".db", ".lock", ".sock"].sort());
  for (const name of filesOf(folder))
    assert.equal(fs.statSync(path.join(folder, name)).mode & 0o1777, 0o1600, `the mode of ${name}`);
});

test("systemd-tmpfiles takes nothing away from a store that is in use", {
  skip: isLinux || (spawnSync("systemd-tmpfiles", ["--version"]).error ? "systemd-tmpfiles is not installed" : false),
}, async (t) => {
  const { folder, file, key } = await openShop(t);
  const reader = openStoreSync(file);
  assert.equal(reader.getValue(key), "here");
  const before = filesOf(folder);
  fs.writeFileSync(path.join(folder, "old"), "");
  const rules = path.join(temporaryFolder(t), "rules.conf");
  // The age 0 cleans whatever there is.
  fs.writeFileSync(rules, `e ${folder} - - - 0\n`);
  const { status, stderr } = spawnSync("systemd-tmpfiles", ["--clean", rules], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.equal(fs.existsSync(path.join(folder, "old")), false, "the cleaner was to clean");
  assert.deepEqual(filesOf(folder), before);
  assert.equal(reader.createValue(key, "stolen"), false);
  reader.close();
  await using store = await openStore(file);
  assert.equal(await store.get(key), "here");
});
