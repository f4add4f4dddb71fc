import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { FILE_LIMITS } from "../../../../src/engine/limits.ts";
import { networkFilesystem } from "../../../../src/engines/sqlite/file/path-safety.ts";
import { openStoreSync, type SyncStore } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

interface Case {
  readonly what: string;
  /** The code that the call must fail with. */
  readonly code: string;
  /** Prepares the folder; returns the store's path, or nothing for a store that works. */
  readonly path?: (folder: string) => string;
  readonly call?: (store: SyncStore) => void;
  /** What the message must say beside the path. */
  readonly says?: RegExp;
  /** Root may write everywhere: then the call is made as a user who may not. */
  readonly asNobody?: boolean;
  readonly skip?: string | false;
}

const set = (store: SyncStore) => store.setValue("key", "value");
const get = (store: SyncStore) => void store.getValue("key");
const isRoot = process.geteuid?.() === 0;
const notRoot = !isRoot && "needs root, to make files of another user";
const NOBODY = 65534;

function database(file: string, sql: string): string {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
  return file;
}

function madeStore(folder: string): string {
  const file = path.join(folder, "store.db");
  const store = openStoreSync(file);
  for (let i = 0; i < 200; i++) store.setValue(`key ${i}`, "x".repeat(500));
  store.close();
  return file;
}

/** A folder that all may write, with the sticky bit, as /tmp is. */
function stickyFolder(folder: string): string {
  const sticky = path.join(folder, "sticky");
  fs.mkdirSync(sticky);
  fs.chmodSync(sticky, 0o1777);
  return sticky;
}

const longKey = "k".repeat(FILE_LIMITS.keyBytes + 1);

const CASES: readonly Case[] = [
  // Keys and values
  {
    what: "a key that is a number",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue(5 as never, "v"),
    says: /key.*5/,
  },
  {
    what: "a key that is missing",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.getValue(undefined as never),
    says: /key/,
  },
  {
    what: "a value that is a number",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue("k", 5 as never),
    says: /value.*5/,
  },
  {
    what: "a value that is null",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue("k", null as never),
    says: /null/,
  },
  {
    what: "a value that is an object",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.createValue("k", {} as never),
  },
  {
    what: "a lone surrogate in a key",
    code: "ERR_INVALID_ARG_VALUE",
    call: (store) => store.setValue("\ud800", "v"),
    says: /surrogate/,
  },
  {
    what: "a lone surrogate in a value",
    code: "ERR_INVALID_ARG_VALUE",
    call: (store) => store.setValue("k", "a\udc00"),
    says: /surrogate/,
  },
  {
    what: "a key that is too long",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => store.setValue(longKey, "v"),
    says: /65536 bytes/,
  },
  {
    what: "a key that is too long in UTF-8",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.getValue("€".repeat(22_000)),
  },
  {
    what: "a lone surrogate, tried",
    code: "ERR_INVALID_ARG_VALUE",
    call: (store) => void store.trySetValue("\ud800", "v"),
  },
  {
    what: "a key that is a number, tried",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.tryGetValue(1 as never),
  },
  {
    what: "a value that is no string, tried to create",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.tryCreateValue("k", 1 as never),
  },
  // Options
  {
    what: "a timeout below 0",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => store.setValue("k", "v", { timeout: -1 }),
    says: /timeout.*-1/,
  },
  {
    what: "a timeout that is no number",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue("k", "v", { timeout: "5" as never }),
  },
  {
    what: "a timeout that is NaN",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.createValue("k", "v", { timeout: Number.NaN }),
  },
  {
    what: "retries below 0",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.trySetValue("k", "v", { retries: -1 }),
  },
  {
    what: "half a retry",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.trySetValue("k", "v", { retries: 0.5 }),
  },
  // Paths
  { what: "a location that is no string", code: "ERR_INVALID_ARG_TYPE", call: () => void openStoreSync(5 as never) },
  { what: "an empty location", code: "ERR_INVALID_ARG_VALUE", call: () => void openStoreSync("") },
  { what: "a NUL in the path", code: "ERR_INVALID_ARG_VALUE", call: () => void openStoreSync("/tmp/a\0b") },
  {
    what: "a folder that does not exist, set",
    code: "ERR_STORE_IO",
    path: (folder) => path.join(folder, "no", "s.db"),
    call: set,
    says: /Create/,
  },
  {
    what: "a folder that does not exist, get",
    code: "ERR_STORE_NOT_INITIALIZED",
    path: (folder) => path.join(folder, "no", "s.db"),
    call: get,
  },
  { what: "a folder as the file", code: "ERR_STORE_UNSAFE", path: (folder) => folder, call: set, says: /folder/ },
  {
    what: "a file as the folder",
    code: "ERR_STORE_IO",
    path: (folder) => {
      fs.writeFileSync(path.join(folder, "file"), "");
      return path.join(folder, "file", "s.db");
    },
    call: set,
  },
  {
    what: "no file yet, get",
    code: "ERR_STORE_NOT_INITIALIZED",
    path: (folder) => path.join(folder, "s.db"),
    call: get,
  },
  {
    what: "an empty file, get",
    code: "ERR_STORE_NOT_INITIALIZED",
    path: (folder) => {
      fs.writeFileSync(path.join(folder, "s.db"), "");
      return path.join(folder, "s.db");
    },
    call: get,
  },
  {
    what: "a named pipe as the file",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      spawnSync("mkfifo", [path.join(folder, "pipe")]);
      return path.join(folder, "pipe");
    },
    call: set,
    skip: process.platform === "win32" && "there are none on Windows",
  },
  {
    what: "a circle of symbolic links",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      fs.symlinkSync("b", path.join(folder, "a"));
      fs.symlinkSync("a", path.join(folder, "b"));
      return path.join(folder, "a");
    },
    call: set,
    skip: process.platform === "win32" && "links need a privilege there",
  },
  {
    what: "another user's link in a sticky folder",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      const link = path.join(stickyFolder(folder), "s.db");
      fs.symlinkSync(path.join(folder, "target.db"), link);
      fs.lchownSync(link, NOBODY, NOBODY);
      return link;
    },
    call: set,
    says: /symbolic link/,
    skip: notRoot,
  },
  {
    what: "another user's log beside the store in a sticky folder",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      const file = madeStore(stickyFolder(folder));
      fs.writeFileSync(`${file}-wal`, "");
      fs.chownSync(`${file}-wal`, NOBODY, NOBODY);
      return file;
    },
    call: get,
    skip: notRoot,
  },
  {
    what: "a folder that may not be written",
    code: "ERR_STORE_PERMISSION",
    path: (folder) => {
      fs.mkdirSync(path.join(folder, "closed"), { mode: 0o500 });
      return path.join(folder, "closed", "s.db");
    },
    call: set,
    asNobody: true,
  },
  // Files
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
  // Use after the end
  {
    what: "a closed store, get",
    code: "ERR_STORE_CLOSED",
    call: (store) => {
      store.close();
      store.getValue("k");
    },
  },
  {
    what: "a closed store, set",
    code: "ERR_STORE_CLOSED",
    call: (store) => {
      store.setValue("k", "v");
      store.close();
      store.close();
      store.setValue("k", "v");
    },
  },
];

for (const { what, code, path: prepare, call = set, says, asNobody = false, skip = false } of CASES) {
  test(`${what}: ${code}`, { skip }, (t) => {
    const folder = temporaryFolder(t);
    if (asNobody && isRoot) {
      fs.chownSync(folder, NOBODY, NOBODY);
      process.seteuid?.(NOBODY);
      t.after(() => process.seteuid?.(0));
    }
    const file = prepare?.(folder) ?? path.join(folder, "store.db");
    const before = contentOf(file);
    const store = openStoreSync(file);
    t.after(() => store.close());
    assert.throws(
      () => call(store),
      (error: Error & { code: string; retryable?: boolean }) => {
        assert.equal(error.code, code, error.stack);
        const isStoreError = code.startsWith("ERR_STORE");
        assert.equal(
          error.name,
          isStoreError ? "StoreError" : code === "ERR_OUT_OF_RANGE" ? "RangeError" : "TypeError",
        );
        if (says !== undefined) assert.match(error.message, says);
        if (prepare !== undefined) assert.ok(error.message.includes(file), `the path is not named: ${error.message}`);
        return true;
      },
    );
    if (prepare !== undefined) assert.deepEqual(contentOf(file), before, "the file was not left as it was");
  });
}

function contentOf(file: string): Buffer | string | undefined {
  let stat: fs.Stats;
  try {
    stat = fs.lstatSync(file);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return stat.isFile() ? fs.readFileSync(file) : `mode ${stat.mode}`;
}

test("an environment that names no full path: ERR_INVALID_ARG_VALUE, in every function", () => {
  const program = `
    const { store } = await import(${JSON.stringify(new URL("../../../../src/index.ts", import.meta.url).href)});
    for (const call of [() => store.getValue("k"), () => store.setValue("k", "v"), () => store.tryGetValue("k")])
      try { call(); console.log("none"); } catch (error) { console.log(error.code, error.message.includes("IPCTOOLS_STORE")); }`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, IPCTOOLS_STORE: "relative/store.db" },
    encoding: "utf8",
  });
  assert.equal(stdout, "ERR_INVALID_ARG_VALUE true\n".repeat(3));
});

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

function cannotMount(): string | false {
  if (!isRoot || process.platform !== "linux") return "needs root on Linux, to mount a small file system";
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
  if (status === 0) spawnSync("umount", [folder]);
  fs.rmdirSync(folder);
  return status === 0 ? false : "this machine lets nobody mount a file system";
}

test("network file systems are known by their numbers", () => {
  assert.equal(networkFilesystem(0x6969), "NFS");
  assert.equal(networkFilesystem(0xff534d42), "CIFS");
  assert.equal(networkFilesystem(0xff534d42 | 0), "CIFS", "also where the number came signed");
  assert.equal(networkFilesystem(0xef53), undefined, "ext4");
});
