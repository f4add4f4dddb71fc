import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { openStore, openStoreSync } from "../../src/index.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

test("a path, a file: URL, IPCTOOLS_STORE and a relative path lead to one file", async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const before = process.env.IPCTOOLS_STORE;
  t.after(() => {
    if (before === undefined) delete process.env.IPCTOOLS_STORE;
    else process.env.IPCTOOLS_STORE = before;
  });
  process.env.IPCTOOLS_STORE = file;
  const locations = [file, pathToFileURL(file).href, undefined, path.relative(process.cwd(), file)];
  for (const [i, location] of locations.entries()) {
    const store = await openStore(location);
    assert.equal(await store.get("key"), i === 0 ? undefined : String(i - 1));
    await store.set("key", String(i));
    await store.close();
    const seed = openStoreSync(location);
    assert.equal(seed.getValue("key"), String(i));
    seed.close();
  }
});

test("a location that leads nowhere is refused, without its password", async (t) => {
  const cases: [unknown, string, RegExp][] = [
    [5, "ERR_INVALID_ARG_TYPE", /location.*5/],
    ["", "ERR_INVALID_ARG_VALUE", /location/],
    ["a\0b", "ERR_INVALID_ARG_VALUE", /location/],
    ["http://host/", "ERR_INVALID_ARG_VALUE", /etcd:.*http:/],
    ["postgres://me:secret@host/", "ERR_INVALID_ARG_VALUE", /me:\*\*\*@host/],
    ["postgres://me:secret/with@signs@host/", "ERR_INVALID_ARG_VALUE", /me:\*\*\*@host/],
    ["postgres://host/?password=secret", "ERR_INVALID_ARG_VALUE", /password=\*\*\*/],
    ["me:secret@host", "ERR_INVALID_ARG_VALUE", /me:\*\*\*@host/],
    ["file://host.example/x", "ERR_INVALID_ARG_VALUE", /file:/],
    ["file:store.db", "ERR_INVALID_ARG_VALUE", /full path/],
    ["file://me:secret@host/x", "ERR_INVALID_ARG_VALUE", /file:/],
    [path.join(temporaryFolder(t), "no", "store.db"), "ERR_STORE_IO", /Create/],
  ];
  for (const [location, code, says] of cases) {
    await assert.rejects(openStore(location as string), (error: Error & { code: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, says);
      assert.ok(!error.message.includes("secret"));
      return true;
    });
  }
  await assert.rejects(openStore(undefined, { codec: {} as never }), { code: "ERR_INVALID_ARG_TYPE" });
  await assert.rejects(openStore(undefined, 5 as never), { code: "ERR_INVALID_ARG_TYPE" });
});

test("the event loop goes on while another program is writing", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = await openStore(file);
  t.after(() => store.close());
  await store.set("key", "1");
  const writer = new DatabaseSync(file);
  writer.exec("BEGIN IMMEDIATE");
  let longest = 0;
  let last = performance.now();
  const ticks = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await assert.rejects(store.set("key", "2", { timeout: 300 }), { code: "ERR_STORE_BUSY", retryable: true });
  const stop = new AbortController();
  const aborted = store.set("key", "2", { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await assert.rejects(aborted, /enough/);
  assert.equal(await store.get("key"), "1");
  const waiting = store.set("key", "3");
  setTimeout(() => writer.exec("COMMIT"), 50);
  await waiting;
  clearInterval(ticks);
  writer.close();
  assert.equal(await store.get("key"), "3");
  assert.ok(longest < 150, `the event loop stood still for ${longest} ms`);
});

test("a program that only used the store ends by itself, closed or not", (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const program = `
    const { openStore } = await import(${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)});
    const store = await openStore(${JSON.stringify(file)});
    await store.set("key", "value", { ephemeral: true });
    const lock = await store.lock("door");
    await store.waitFor("key");
    console.log(await store.get("key"));`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.deepEqual([stdout, status], ["value\n", 0]);
  const seed = openStoreSync(file);
  assert.equal(seed.getValue("key"), undefined);
  seed.close();
});
