import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { test } from "node:test";
import { openStoreSync } from "../src/index.ts";
import { temporaryFolder } from "./fixtures/temporary-folder.ts";

test("the demo proves what it says, and leaves nothing behind", (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const demo = path.join(import.meta.dirname, "../examples/demo/main.ts");
  const { stdout, stderr, status } = spawnSync(process.execPath, [demo], {
    encoding: "utf8",
    env: { ...process.env, IPCTOOLS_STORE: file },
    timeout: 60_000,
  });
  assert.deepEqual([stderr, status], ["", 0], stdout);
  assert.match(stdout, /the count is 1000/);
  assert.match(stdout, /All of it held/);
  const store = openStoreSync(file);
  assert.deepEqual(store.keys(), []);
  store.close();
});
