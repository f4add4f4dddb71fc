import * as assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as path from "node:path";
import { test } from "node:test";
import { networkFilesystem } from "../../../../src/engines/sqlite/file/network-filesystem.ts";
import { openStoreSync } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

test("IPCTOOLS_NETWORK_FILESYSTEM is read as yes or no, and anything else is an error", (t) => {
  t.after(() => {
    delete process.env.IPCTOOLS_NETWORK_FILESYSTEM;
  });
  const NFS = 0x6969;
  t.mock.method(fs, "statfsSync", () => ({ type: NFS }));
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const outcomeWith = (value: string | undefined) => {
    if (value === undefined) delete process.env.IPCTOOLS_NETWORK_FILESYSTEM;
    else process.env.IPCTOOLS_NETWORK_FILESYSTEM = value;
    const store = openStoreSync(path.join(temporaryFolder(t), "store.db"));
    try {
      store.setValue("key", "value");
      return "open";
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      store.close();
    }
  };
  const refused = process.platform === "linux" ? "ERR_STORE_NETWORK_FILESYSTEM" : "open";
  for (const no of [undefined, "", "0", "no", "off", "false", "FALSE"]) assert.equal(outcomeWith(no), refused, no);
  for (const yes of ["1", "yes", "on", "true", "True"]) assert.equal(outcomeWith(yes), "open", yes);
  for (const bad of ["2", "nope", "enabled"]) assert.equal(outcomeWith(bad), "ERR_INVALID_ARG_VALUE", bad);
});

test("network file systems are known by their numbers", () => {
  assert.equal(networkFilesystem(0x6969), "NFS");
  assert.equal(networkFilesystem(0xff534d42), "CIFS");
  assert.equal(networkFilesystem(0xff534d42 | 0), "CIFS", "also where the number came signed");
  assert.equal(networkFilesystem(0xef53), undefined, "ext4");
});
