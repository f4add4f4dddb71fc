import * as assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { StoreError } from "../../src/index.ts";
import { collect, overStores } from "./stores.ts";

overStores((fresh, engine) => {
  test("get, set, has, delete, and versions that grow", async (t) => {
    const store = await fresh(t)();
    assert.equal(await store.get("key"), undefined);
    assert.equal(await store.has("key"), false);
    const first = await store.set("key", "one");
    const second = await store.set("key", "two");
    assert.ok(second > first);
    assert.deepEqual(await store.getEntry("key"), { key: "key", value: "two", version: second, createdVersion: first });
    assert.equal(await store.has("key"), true);
    assert.equal(await store.delete("key"), true);
    assert.equal(await store.delete("key"), false);
    assert.equal(await store.get("key"), undefined);
  });

  test("of many who create at once exactly one does", async (t) => {
    const open = fresh(t);
    const stores = await Promise.all([open(), open(), open()]);
    const created = await Promise.all(stores.flatMap((store, i) => [1, 2].map((j) => store.create("key", `${i}${j}`))));
    assert.equal(created.filter(Boolean).length, 1);
  });

  test("update loses nothing, though many write, and deletes with undefined", async (t) => {
    const open = fresh(t);
    const [a, b] = [await open(), await open()];
    const add = (text: string | undefined) => String(Number(text ?? 0) + 1);
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? a : b).update("count", async (value) => add(value))),
    );
    assert.equal(await a.get("count"), "40");
    assert.deepEqual(
      results.map(Number).sort((x, y) => x - y),
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    assert.equal(await a.update("count", () => undefined), undefined);
    assert.equal(await a.has("count"), false);
    await assert.rejects(
      a.update("count", () => {
        throw new Error("no");
      }),
      /no/,
    );
    await assert.rejects(
      a.update("count", () => new Promise(() => {}), { timeout: 20 }),
      { code: "ERR_STORE_TIMEOUT" },
    );
  });

  test("increment", async (t) => {
    const open = fresh(t);
    const [a, b] = [await open(), await open()];
    await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 ? a : b).increment("n", 2)));
    assert.equal(await a.get("n"), "60");
    assert.equal(await a.increment("n", -61), -1);
    await a.set("n", "many");
    await assert.rejects(a.increment("n"), { code: "ERR_STORE_CODEC" });
    await assert.rejects(a.increment("n", 0.5), { code: "ERR_OUT_OF_RANGE" });
    await a.set("n", String(Number.MAX_SAFE_INTEGER));
    await assert.rejects(a.increment("n"), RangeError);
  });

  test("lists by prefix and range, in order, paged, while others write", async (t) => {
    const open = fresh(t);
    const [store, other] = [await open(), await open()];
    const keys = Array.from({ length: 3000 }, (_, i) => `item ${String(i).padStart(5, "0")}`);
    for (let i = 0; i < keys.length; i += 500) {
      const atomic = store.atomic();
      for (const key of keys.slice(i, i + 500)) atomic.set(key, key);
      assert.ok((await atomic.commit()).ok);
    }
    await store.set("another", "");
    const listed: string[] = [];
    for await (const { key, value } of store.list({ prefix: "item " })) {
      assert.equal(value, key);
      if (listed.push(key) % 500 === 0) await other.set(`item ${listed.length}!`, `item ${listed.length}!`);
    }
    assert.deepEqual(
      listed.filter((key) => !key.endsWith("!")),
      keys,
    );
    assert.deepEqual(
      await collect(store.keys({ prefix: "item 0", reverse: true, limit: 2 })),
      keys.slice(-2).reverse(),
    );
    assert.deepEqual(await collect(store.keys({ start: keys[10]!, end: keys[12]! })), keys.slice(10, 12));
    const count = await store.clear("item ");
    assert.ok(count >= keys.length);
    assert.deepEqual(await collect(store.keys()), ["another"]);
  });

  test("a time to live, and an entry that goes with its store", async (t) => {
    const open = fresh(t);
    const [store, owner] = [await open(), await open()];
    await store.set("brief", "x", { ttl: 30 });
    assert.equal(await store.get("brief"), "x");
    assert.ok((await store.getEntry("brief"))!.expiresAt! > Date.now() - 1000);
    await owner.set("mine", "x", { ephemeral: true });
    assert.equal(await store.get("mine"), "x");
    const gone = store.waitFor("mine", (value) => value === undefined, { timeout: 5000 });
    await owner.close();
    await gone;
    await delay(40);
    assert.equal(await store.get("brief"), undefined);
    await assert.rejects(store.set("both", "x", { ttl: 10, ephemeral: true }), { code: "ERR_INVALID_ARG_VALUE" });
  });

  test("watch reports sets and deletes, resumes, and ends", async (t) => {
    const open = fresh(t);
    const [store, other] = [await open(), await open()];
    const watch = store.watch({ prefix: "w/" });
    const first = await other.set("w/a", "1");
    assert.deepEqual(await watch.next(), {
      done: false,
      value: {
        type: "set",
        key: "w/a",
        version: first,
        entry: { key: "w/a", value: "1", version: first, createdVersion: first },
      },
    });
    await other.delete("w/a");
    const { value: deleted } = await watch.next();
    assert.deepEqual([deleted.type, deleted.key], ["delete", "w/a"]);
    await watch.return?.();
    await other.set("w/b", "2");
    const resumed = store.watch("w/b", { from: deleted.version });
    assert.equal((await resumed.next()).value.entry.value, "2");
    const pending = resumed.next();
    await resumed.return?.();
    assert.equal((await pending).done, true);
    const stop = new AbortController();
    const ended = store.watch("w/b", { signal: stop.signal }).next();
    stop.abort(new Error("enough"));
    await assert.rejects(ended, /enough/);
    const closed = store.watch("w/b").next();
    await store.close();
    await assert.rejects(closed, { code: "ERR_STORE_CLOSED" });
  });

  test("waitFor", async (t) => {
    const open = fresh(t);
    const [store, other] = [await open(), await open()];
    await other.set("there", "yes");
    assert.equal(await store.waitFor("there"), "yes");
    const appears = store.waitFor("later");
    const five = store.waitFor("count", (value) => value === "5");
    for (let i = 1; i <= 5; i++) await other.set("count", String(i));
    await other.set("later", "now");
    assert.equal(await appears, "now");
    assert.equal(await five, "5");
    await assert.rejects(store.waitFor("never", undefined, { timeout: 20 }), { code: "ERR_STORE_TIMEOUT" });
    const stop = new AbortController();
    const aborted = store.waitFor("never", undefined, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await assert.rejects(aborted, /enough/);
    const closed = store.waitFor("never");
    await store.close();
    await assert.rejects(closed, { code: "ERR_STORE_CLOSED" });
  });

  test("a fence that is no longer current refuses the write", async (t) => {
    const open = fresh(t);
    const [store, other] = [await open(), await open()];
    const lock = await store.lock("door");
    await store.set("key", "1", { fence: lock });
    assert.equal(await store.create("new", "1", { fence: lock }), true);
    assert.equal(await store.create("new", "2", { fence: lock }), false);
    await other.locks.request("door", { steal: true }, async () => {
      await assert.rejects(store.set("key", "2", { fence: lock }), { code: "ERR_STORE_FENCED" });
      await assert.rejects(
        store.update("key", () => "3", { fence: lock }),
        { code: "ERR_STORE_FENCED" },
      );
      await assert.rejects(store.delete("key", { fence: lock }), { code: "ERR_STORE_FENCED" });
      await assert.rejects(
        store
          .atomic()
          .set("key", "4")
          .commit({ fence: [lock] }),
        { code: "ERR_STORE_FENCED" },
      );
    });
    assert.equal(await store.get("key"), "1");
    if (!lock.signal.aborted) await once(lock.signal, "abort");
  });

  test("an entry is a fence too: an ephemeral one stands for its owner's session", async (t) => {
    const open = fresh(t);
    const [store, other] = [await open(), await open()];
    await other.set("worker", "me", { ephemeral: true });
    const fence = { check: (await other.getEntry("worker"))! };
    await store.set("key", "1", { fence });
    assert.equal(await store.increment("n", 1, { fence }), 1);
    assert.equal(await store.delete("none", { fence }), false);
    assert.equal(await store.clear("n", { fence }), 1);
    assert.ok((await store.atomic().set("key", "2").commit({ fence })).ok);
    await other.close();
    const fenced = { name: "StoreError", code: "ERR_STORE_FENCED" };
    await assert.rejects(store.set("key", "3", { fence }), fenced);
    await assert.rejects(store.create("new", "3", { fence }), fenced);
    await assert.rejects(store.increment("n", 1, { fence }), fenced);
    await assert.rejects(store.delete("none", { fence }), fenced);
    await assert.rejects(store.clear("key", { fence }), fenced);
    await assert.rejects(store.atomic().check({ key: "none", version: 0 }).delete("key").commit({ fence }), fenced);
    assert.equal(await store.get("key"), "2");
    assert.equal(await store.has("new"), false);
  });

  test("bad input is refused with its name, and nothing is written", async (t) => {
    const store = await fresh(t)();
    const bad: [() => unknown, string][] = [
      [() => store.set(1 as never, "v"), "ERR_INVALID_ARG_TYPE"],
      [() => store.set("k", 1 as never), "ERR_INVALID_ARG_TYPE"],
      [() => store.set("k", "\ud800"), "ERR_INVALID_ARG_VALUE"],
      [() => store.set("k", "v", { ttl: 0 }), "ERR_OUT_OF_RANGE"],
      [() => store.set("k", "v", { ttl: "1" as never }), "ERR_INVALID_ARG_TYPE"],
      [() => store.set("k", "v", { timeout: -1 }), "ERR_OUT_OF_RANGE"],
      [() => store.update("k", "fn" as never), "ERR_INVALID_ARG_TYPE"],
      [() => store.waitFor("k", 5 as never), "ERR_INVALID_ARG_TYPE"],
      [() => store.clear(undefined as never), "ERR_INVALID_ARG_TYPE"],
      [() => store.list(5 as never).next(), "ERR_INVALID_ARG_TYPE"],
      [() => store.list({ limit: 0 }).next(), "ERR_OUT_OF_RANGE"],
      [() => store.watch(5 as never), "ERR_INVALID_ARG_TYPE"],
      [() => store.namespace(""), "ERR_INVALID_ARG_VALUE"],
      [() => store.atomic().set("k", "1").set("k", "2").commit(), "ERR_INVALID_ARG_VALUE"],
      [() => store.atomic().check(5 as never), "ERR_INVALID_ARG_TYPE"],
      [() => store.atomic().check({ key: "k", version: -1 }).commit(), "ERR_OUT_OF_RANGE"],
      [() => store.atomic().with({} as never), "ERR_INVALID_ARG_TYPE"],
    ];
    for (const [call, code] of bad) await assert.rejects(async () => call(), { code }, String(call));
    assert.deepEqual(await collect(store.keys()), []);
    await store.close();
    await store.close();
    await assert.rejects(async () => store.get("k"), { code: "ERR_STORE_CLOSED" });
    await assert.rejects(store.set("k", "v"), { code: "ERR_STORE_CLOSED" });
    await assert.rejects(store.lock("l"), (error) => error instanceof StoreError && error.code === "ERR_STORE_CLOSED");
  });

  test("info and capabilities", async (t) => {
    const store = await fresh(t)();
    await store.set("k", "v");
    const info = await store.info();
    assert.deepEqual([info.engine, info.keys, info.initialized], [engine, 1, true]);
    assert.ok(store.capabilities.limits.keyBytes >= 1024);
  });
});
