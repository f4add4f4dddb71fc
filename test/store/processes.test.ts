import * as assert from "node:assert/strict";
import { once } from "node:events";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { openStore, openStoreSync, type Store } from "../../src/index.ts";
import { kill, message, start } from "../fixtures/child.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const CHILD = path.join(import.meta.dirname, "store-child.ts");

async function storeOf(t: TestContext): Promise<{ file: string; store: Store }> {
  let store: Store | undefined;
  t.after(() => store?.close());
  const file = path.join(temporaryFolder(t), "store.db");
  store = await openStore(file);
  return { file, store };
}

test("an ephemeral entry goes when its process is killed, its event loop blocked, and waiters wake", async (t) => {
  const { file, store } = await storeOf(t);
  const child = start(t, CHILD, file, "own", "bound");
  assert.equal(await message(child), "bound");
  assert.equal(await store.get("bound"), "mine");
  const gone = store.waitFor("bound", (value) => value === undefined, { timeout: 5000 });
  await kill(child);
  assert.equal(await gone, undefined);
  assert.equal(await store.create("bound", "another's"), true);
});

test("an ephemeral entry goes when its worker thread is terminated", async (t) => {
  const { file, store } = await storeOf(t);
  const worker = new Worker(CHILD, { workerData: [file, "own", "bound"] });
  t.after(() => worker.terminate());
  assert.equal((await once(worker, "message"))[0], "bound");
  assert.equal(await store.get("bound"), "mine");
  const gone = store.waitFor("bound", (value) => value === undefined, { timeout: 5000 });
  await worker.terminate();
  assert.equal(await gone, undefined);
});

test("update and increment of four processes lose nothing", async (t) => {
  const { file, store } = await storeOf(t);
  const children = Array.from({ length: 4 }, () => start(t, CHILD, file, "update", "100"));
  await Promise.all(children.map((child) => message(child)));
  assert.equal(await store.get("updated"), "400");
  assert.equal(await store.get("incremented"), "400");
});

test("a write under a lock that was stolen meanwhile is refused in the other process", async (t) => {
  const { file, store } = await storeOf(t);
  const holder = start(t, CHILD, file, "lead", "door");
  const token = await message<number>(holder);
  const stolen = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const request = store.locks.request("door", { steal: true }, async (lock) => {
    assert.ok((lock as unknown as { token: number }).token > token);
    stolen.resolve();
    await finish.promise;
  });
  await stolen.promise;
  const outcome = message(holder);
  holder.send("write");
  assert.equal(await outcome, "ERR_STORE_FENCED");
  finish.resolve();
  await request;
  assert.equal(await store.has("late"), false);
});

test("the functions that block and the Store see each other's values and versions", async (t) => {
  const { file, store } = await storeOf(t);
  const seed = openStoreSync(file);
  const changes = store.watch("a");
  seed.setValue("a", "1");
  const { value } = await changes.next();
  assert.equal(value.entry.value, "1");
  await changes.return?.();
  assert.equal(await store.get("a"), "1");
  assert.equal(seed.createValue("a", "2"), false);
  assert.deepEqual(
    await store
      .atomic()
      .check(value.entry)
      .set("a", "3")
      .commit()
      .then(({ ok }) => ok),
    true,
  );
  assert.equal(seed.getValue("a"), "3");
  seed.setValue("a", "4");
  assert.deepEqual(await store.atomic().check(value.entry).set("a", "5").commit(), { ok: false });
  await store.lock("door");
  await store.counter("n").increment();
  assert.deepEqual(seed.keys(), ["a"]);
  seed.close();
});
