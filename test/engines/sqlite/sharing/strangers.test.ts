import * as assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as path from "node:path";
import { test } from "node:test";
import { Connection } from "../../../../src/engines/sqlite/database/connection.ts";
import { defaultStorePath } from "../../../../src/engines/sqlite/file/default-path.ts";
import { checkStorePath } from "../../../../src/engines/sqlite/file/path-safety.ts";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { get, isRoot, madeStore, NOBODY, set, testBadInput } from "../file/bad-input.ts";

const skip = !isRoot && "needs root, to make files of another user";

/** A folder that all may write, with the sticky bit, as /tmp is. */
function stickyFolder(folder: string): string {
  const sticky = path.join(folder, "sticky");
  fs.mkdirSync(sticky);
  fs.chmodSync(sticky, 0o1777);
  return sticky;
}

/** A file of somebody else, empty unless told. */
function strangersFile(file: string, content = ""): void {
  fs.writeFileSync(file, content);
  fs.chownSync(file, NOBODY, NOBODY);
}

testBadInput([
  {
    what: "another user's empty file in a sticky folder, as the store",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      const file = path.join(stickyFolder(folder), "s.db");
      strangersFile(file);
      fs.chmodSync(file, 0o666);
      return file;
    },
    says: /another user's file/,
    skip,
  },
  {
    what: "another user's store in a sticky folder",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      const file = madeStore(stickyFolder(folder));
      fs.chownSync(file, NOBODY, NOBODY);
      return file;
    },
    call: get,
    skip,
  },
  ...["-wal", "-journal"].map((suffix) => ({
    what: `another user's ${suffix} in a sticky folder before there is a store`,
    code: "ERR_STORE_UNSAFE",
    path: (folder: string) => {
      const file = path.join(stickyFolder(folder), "s.db");
      strangersFile(file + suffix, "planted");
      return file;
    },
    call: set,
    skip,
  })),
  {
    what: "another user's folder of sessions",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      const file = madeStore(folder);
      fs.mkdirSync(`${file}-sessions`, { mode: 0o700 });
      fs.chownSync(`${file}-sessions`, NOBODY, NOBODY);
      return file;
    },
    call: get,
    says: /belongs to the user/,
    skip,
  },
  {
    what: "a link in the place of the folder of sessions",
    code: "ERR_STORE_UNSAFE",
    path: (folder) => {
      const file = madeStore(folder);
      fs.symlinkSync(folder, `${file}-sessions`);
      return file;
    },
    call: set,
    says: /symbolic link/,
    skip: process.platform === "win32" && "links need a privilege there",
  },
  ...([0o777, 0o770] as const).map((mode) => ({
    what: `a folder of sessions with mode 0${mode.toString(8)} beside a store with mode 0600`,
    code: "ERR_STORE_UNSAFE",
    path: (folder: string) => {
      const file = madeStore(folder);
      fs.mkdirSync(`${file}-sessions`);
      fs.chmodSync(`${file}-sessions`, mode);
      return file;
    },
    call: get,
    says: /may write in it/,
    skip: process.platform === "win32" && "there are no modes on Windows",
  })),
]);

test("a folder of sessions that a stranger makes while a session is opened is refused", { skip }, async (t) => {
  const file = madeStore(temporaryFolder(t));
  const store = await openStore(file);
  t.after(() => store.close());
  fs.mkdirSync(`${file}-sessions`);
  fs.chownSync(`${file}-sessions`, NOBODY, NOBODY);
  await assert.rejects(store.set("key", "value", { ephemeral: true }), { code: "ERR_STORE_UNSAFE" });
  assert.deepEqual(fs.readdirSync(`${file}-sessions`), []);
});

test("a default folder that a stranger makes just before this process does is refused", { skip }, (t) => {
  const USER = 54_321;
  process.seteuid!(USER);
  const file = defaultStorePath();
  const folder = path.dirname(file);
  t.after(() => {
    process.seteuid!(0);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const real = fs.mkdirSync;
  t.mock.method(fs, "mkdirSync", (...args: Parameters<typeof fs.mkdirSync>) => {
    process.seteuid!(0);
    real(folder);
    fs.chmodSync(folder, 0o777);
    fs.chownSync(folder, NOBODY, NOBODY);
    process.seteuid!(USER);
    return real(...args);
  });
  syncBuiltinESMExports();
  const store = openStoreSync(file);
  try {
    assert.throws(() => store.setValue("key", "value"), { code: "ERR_STORE_UNSAFE", message: /belongs to the user/ });
    assert.deepEqual(fs.readdirSync(folder), []);
  } finally {
    store.close();
    t.mock.restoreAll();
    syncBuiltinESMExports();
  }
});

test("a file that is put in the place of the checked one before SQLite opens it is left alone", {
  skip: process.platform !== "linux" && "only Linux shows what SQLite has opened",
}, (t) => {
  for (const trick of ["a link", "another file"]) {
    const folder = temporaryFolder(t);
    const [file, victim, aside] = ["s.db", "victim.db", "aside.db"].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    fs.writeFileSync(file, "");
    fs.writeFileSync(victim, "");
    let looks = 0;
    const check = () => {
      // After the first look another file takes the place; before the second look the checked one is back.
      if (looks === 1) {
        if (trick === "a link") fs.rmSync(file);
        else fs.renameSync(file, victim);
        fs.renameSync(aside, file);
      }
      const checked = checkStorePath(file);
      if (looks++ === 0) {
        fs.renameSync(file, aside);
        if (trick === "a link") fs.symlinkSync(victim, file);
        else fs.renameSync(victim, file);
      }
      return checked;
    };
    assert.throws(() => Connection.toWrite(file, check), { code: "ERR_STORE_REPLACED" });
    for (const name of [file, victim]) assert.equal(fs.statSync(name).size, 0, trick);
  }
});
