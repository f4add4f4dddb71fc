import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { test } from "node:test";
import { openStoreSync, StoreError } from "../../../src/index.ts";
import { kill, message, start } from "../../fixtures/child.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";

/** In the second copy of the header of the write-ahead log's index. */
const IN_SECOND_COPY = 56;

test("a writer that was stopped between the two copies of the header: an error in the end, and all go on when it is killed", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = openStoreSync(file);
  t.after(() => store.close());
  store.setValue("mine", "1");
  const child = start(
    t,
    path.join(import.meta.dirname, "../../engines/sqlite/commit/frozen-writer.ts"),
    file,
    "inside",
  );
  await message(child);
  // By another process: one that opens and closes the file loses its locks on it.
  const tear = `const fs = require("fs"); const fd = fs.openSync(process.argv[1], "r+");
    fs.writeSync(fd, Buffer.from([255]), 0, 1, ${IN_SECOND_COPY})`;
  assert.equal(spawnSync(process.execPath, ["-e", tear, `${file}-shm`]).status, 0);
  for (const call of [() => store.setValue("mine", "2", { timeout: 100 }), () => store.getValue("mine")])
    assert.throws(call, (error) => error instanceof StoreError && error.code === "ERR_STORE_BUSY" && error.retryable);
  await kill(child);
  assert.equal(store.getValue("mine"), "1");
  store.setValue("mine", "3", { timeout: 100 });
  assert.equal(store.getValue("mine"), "3");
});
