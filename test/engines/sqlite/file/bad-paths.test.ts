import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStoreSync } from "../../../../src/index.ts";
import { get, isRoot, madeStore, NOBODY, set, testBadInput } from "./bad-input.ts";

const notRoot = !isRoot && "needs root, to make files of another user";

/** A folder that all may write, with the sticky bit, as /tmp is. */
function stickyFolder(folder: string): string {
  const sticky = path.join(folder, "sticky");
  fs.mkdirSync(sticky);
  fs.chmodSync(sticky, 0o1777);
  return sticky;
}

testBadInput([
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
]);

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
