import * as assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";
import { openStoreSync } from "../../src/index.ts";
import { kill, message, start } from "../fixtures/child.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

/* What depends on the runtime: waking, and the end of a process. Run on each one by `npm run runtimes`. */

const OWNER = path.join(import.meta.dirname, "owner.ts");

test("a watch wakes at another handle's write", { timeout: 30_000 }, async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const engine = await openSqliteEngine(file);
  const store = openStoreSync(file);
  const changes = engine.watch([{ prefix: "watched" }]);
  for (let i = 0; i < 20; i++) {
    const next = changes.next();
    store.setValue("unwatched", String(i));
    store.setValue("watched", String(i));
    const { value } = await next;
    assert.equal(value.at(-1).entry.value, String(i));
  }
  await engine.close();
  store.close();
});

for (const state of ["waiting", "blocked"])
  test(`a process that is killed while ${state} is seen at once, and what it bound goes`, {
    timeout: 30_000,
  }, async (t) => {
    const file = path.join(temporaryFolder(t), "store.db");
    const engine = await openSqliteEngine(file);
    const owner = start(t, OWNER, file);
    await message(owner);
    assert.equal((await engine.get("owner"))?.value, String(owner.pid));
    const changes = engine.watch([{ prefix: "owner" }]);
    const next = changes.next();
    if (state === "blocked") {
      const blocked = message(owner);
      owner.send("block");
      await blocked;
    }
    const begun = performance.now();
    await kill(owner);
    const { value } = await next;
    assert.deepEqual([value.length, value[0].type, value[0].key], [1, "delete", "owner"]);
    assert.ok(performance.now() - begun < 1000);
    assert.equal(await engine.get("owner"), undefined);
    await engine.close();
  });
