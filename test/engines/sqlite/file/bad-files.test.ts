import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { openStoreSync } from "../../../../src/index.ts";
import { cannotMount } from "../../../fixtures/mount.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { get, madeStore, set, testBadInput } from "./bad-input.ts";

function database(file: string, sql: string): string {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
  return file;
}

testBadInput([
  {
    what: "a text file",
    code: "ERR_STORE_NOT_A_STORE",
    path: (folder) => {
      fs.writeFileSync(path.join(folder, "notes.txt"), "These are my notes.\n".repeat(100));
      return path.join(folder, "notes.txt");
    },
    call: set,
  },
  {
    what: "a text file, get",
    code: "ERR_STORE_NOT_A_STORE",
    path: (folder) => {
      fs.writeFileSync(path.join(folder, "notes.txt"), "Short.");
      return path.join(folder, "notes.txt");
    },
    call: get,
  },
  {
    what: "a database of another program",
    code: "ERR_STORE_NOT_A_STORE",
    path: (folder) => database(path.join(folder, "app.db"), "CREATE TABLE users (id INTEGER PRIMARY KEY)"),
    call: set,
    says: /another program/,
  },
  {
    what: "a database with another table named store",
    code: "ERR_STORE_NOT_A_STORE",
    path: (folder) => database(path.join(folder, "shop.db"), "CREATE TABLE store (id INTEGER PRIMARY KEY, city TEXT)"),
    call: set,
  },
  {
    what: "a database with another program's id",
    code: "ERR_STORE_NOT_A_STORE",
    path: (folder) => database(path.join(folder, "app.db"), "PRAGMA application_id = 7; CREATE TABLE a (b)"),
    call: get,
  },
  {
    what: "a newer format",
    code: "ERR_STORE_NEWER_FORMAT",
    path: (folder) => database(madeStore(folder), "PRAGMA user_version = 99"),
    call: get,
    says: /99.*Update/s,
  },
  {
    what: "a newer format, set",
    code: "ERR_STORE_NEWER_FORMAT",
    path: (folder) => database(madeStore(folder), "PRAGMA user_version = 99"),
    call: set,
  },
  {
    what: "a damaged file",
    code: "ERR_STORE_DAMAGED",
    path: (folder) => {
      const file = madeStore(folder);
      const bytes = fs.readFileSync(file);
      bytes.fill(0x5a, 1024);
      fs.writeFileSync(file, bytes);
      return file;
    },
    call: get,
    says: /\.recover/,
  },
  {
    what: "a file that ends in the middle",
    code: "ERR_STORE_DAMAGED",
    path: (folder) => {
      const file = madeStore(folder);
      fs.truncateSync(file, 5000);
      return file;
    },
    call: (store) => void store.keys(),
  },
  {
    what: "a read-only file",
    code: "ERR_STORE_READ_ONLY",
    path: (folder) => {
      const file = madeStore(folder);
      fs.chmodSync(file, 0o400);
      return file;
    },
    call: set,
    asNobody: true,
  },
]);

test("a full disk: ERR_STORE_FULL, nothing is lost, and the store goes on when there is space", {
  skip: cannotMount(),
}, (t) => {
  const folder = temporaryFolder(t);
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder]).status, 0);
  try {
    const store = openStoreSync(path.join(folder, "store.db"));
    store.setValue("first", "value");
    const written: number[] = [];
    assert.throws(
      () => {
        for (let i = 0; i < 500; i++) {
          store.setValue(`filler ${i}`, "x".repeat(5000));
          written.push(i);
        }
      },
      { code: "ERR_STORE_FULL", retryable: true },
    );
    assert.equal(store.getValue("first"), "value");
    for (const i of written) assert.equal(store.getValue(`filler ${i}`)?.length, 5000);
    spawnSync("mount", ["-o", "remount,size=4m", folder]);
    store.setValue("later", "value");
    assert.equal(store.getValue("later"), "value");
    store.close();
  } finally {
    spawnSync("umount", [folder]);
  }
});
