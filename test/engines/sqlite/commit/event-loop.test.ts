import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStore } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

/** How long the program's timer and read may be in coming, in milliseconds. */
const PATIENCE = 5000;

test("a program that calls again and again keeps its timers and its I/O", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = await openStore(file);
  const calls = {
    set: () => store.set("key", "value"),
    get: () => store.get("key"),
    lock: async () => (await store.lock("mutex")).release(),
    request: () => store.locks.request("mutex", () => {}),
  };
  for (const [name, call] of Object.entries(calls)) {
    const done = new Set<string>();
    setTimeout(() => done.add("timer"), 10);
    fs.readFile(import.meta.filename, () => done.add("I/O"));
    const end = performance.now() + PATIENCE;
    while (done.size < 2 && performance.now() < end) await call();
    assert.equal(done.size, 2, `${name}: after ${PATIENCE} ms only ${[...done]}`);
  }
  await store.close();
});
