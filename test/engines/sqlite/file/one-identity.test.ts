import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const TENANT = path.join(import.meta.dirname, "../sessions/tenant.ts");

test("a store is one store by its own name and through a symbolic link", async (t) => {
  const folder = temporaryFolder(t);
  const [real, link] = [path.join(folder, "real.db"), path.join(folder, "link.db")];
  fs.symlinkSync("real.db", link);
  const owner = start(t, TENANT, link);
  const key = await message<string>(owner);
  const [byName, byLink] = [await openStore(real), await openStore(link)];
  for (const store of [byName, byLink]) {
    assert.equal(await store.get(key), "here");
    assert.equal(await store.create(key, "stolen"), false);
  }
  for (const name of [real, link]) {
    const store = openStoreSync(name);
    assert.equal(store.getValue(key), "here");
    assert.equal(store.createValue(key, "stolen"), false);
    store.close();
  }
  await using lock = await byName.lock("turn");
  await assert.rejects(byLink.lock("turn", { timeout: 200 }), { code: "ERR_STORE_TIMEOUT" });
  await lock.release();
  await using next = await byLink.lock("turn", { timeout: 5000 });
  assert.equal(next.held, true);
  await Promise.all([byName.close(), byLink.close()]);
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.endsWith("-sessions")),
    ["real.db-sessions"],
  );
});
