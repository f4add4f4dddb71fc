import * as assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { defaultStorePath } from "../../../../src/engines/sqlite/file/default-path.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const skip = process.platform === "win32" ? "there is no /tmp on Windows" : false;
let nextUser = 71_000;

/** Each test is a user of its own, because a process keeps to the folder that it found first; the folders cannot be written. */
function withoutFolders(t: TestContext, isUnusable: (folder: string) => boolean): number {
  const user = nextUser++;
  const real = fs.accessSync;
  t.mock.method(process as { geteuid(): number }, "geteuid", () => user);
  t.mock.method(fs, "accessSync", (folder: string, mode?: number) => {
    if (isUnusable(folder)) throw Object.assign(new Error("read-only file system"), { code: "EROFS" });
    real(folder, mode);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return user;
}

function setTemporaryFolder(t: TestContext, folder: string): void {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
}

test("TMPDIR does not move the default store", { skip }, (t) => {
  const folder = temporaryFolder(t);
  setTemporaryFolder(t, folder);
  const user = withoutFolders(t, () => false);
  assert.equal(defaultStorePath(), `/tmp/ipctools-${user}/store.db`);
});

test("where /tmp cannot be written the default store is in the temporary folder of the user", { skip }, (t) => {
  const folder = temporaryFolder(t);
  setTemporaryFolder(t, folder);
  const user = withoutFolders(t, (name) => name === "/tmp");
  assert.equal(defaultStorePath(), path.join(folder, `ipctools-${user}`, "store.db"));
  process.env.TMPDIR = "/nowhere";
  assert.equal(defaultStorePath(), path.join(folder, `ipctools-${user}`, "store.db"), "it stays for this process");
});

test("where no temporary folder can be written the default store stays at /tmp", { skip }, (t) => {
  const user = withoutFolders(t, () => true);
  assert.equal(defaultStorePath(), `/tmp/ipctools-${user}/store.db`);
});
