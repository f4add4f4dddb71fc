import * as assert from "node:assert/strict";
import { test } from "node:test";
import { collect, overStores } from "./stores.ts";

overStores((fresh) => {
  test("a namespace is a store of its own on a part of the keys", async (t) => {
    const store = await fresh(t)();
    const [a, b] = [store.namespace("a/"), store.namespace("b/")];
    await a.set("key", "of a");
    await b.set("key", "of b");
    assert.equal(await a.get("key"), "of a");
    assert.equal(await store.get("a/key"), "of a");
    assert.equal(await store.namespace("a").get("/key"), "of a");
    assert.deepEqual(await collect(store.keys()), ["a/key", "b/key"]);
    assert.deepEqual(await collect(a.keys()), ["key"]);
    const change = a.watch({ prefix: "" }).next();
    await b.set("other", "x");
    await a.delete("key");
    const { value } = await change;
    assert.deepEqual([value.type, value.key], ["delete", "key"]);
    assert.equal(await a.clear(""), 0);
    assert.equal(await b.clear(""), 2);
  });

  test("locks, queues and counters of namespaces are apart", async (t) => {
    const store = await fresh(t)();
    const [a, b] = [store.namespace("a/"), store.namespace("b/")];
    const locks = await Promise.all([store, a, b].map((each) => each.lock("door", { timeout: 1000 })));
    await assert.rejects(store.namespace("a/").lock("door", { timeout: 20 }), { code: "ERR_STORE_TIMEOUT" });
    for (const lock of locks) await lock.release();
    await a.queue("jobs").push("x");
    assert.equal((await b.queue("jobs").state()).ready, 0);
    await a.counter("n").increment(5);
    assert.equal(await store.counter("n").get(), 0);
  });

  test("what belongs to one part is refused by another: a fence, an atomic commit's steps", async (t) => {
    const store = await fresh(t)();
    const [a, again, b] = [store.namespace("a/"), store.namespace("a").namespace("/"), store.namespace("b/")];
    const lock = await a.lock("door");
    const candidacy = a.elect("lead");
    await candidacy.won;
    for (const other of [store, b]) {
      await assert.rejects(other.set("key", "x", { fence: lock }), { code: "ERR_STORE_FENCED" });
      for (const step of [
        () => lock.releasing(),
        () => candidacy.resigning(),
        () => a.queue("jobs").pushing("x"),
        () => a.channel("news").posting("x"),
        () => a.counter("n").incrementing(1),
      ])
        assert.throws(() => other.atomic().with(step()), { code: "ERR_INVALID_ARG_VALUE", name: "TypeError" });
    }
    await again.set("key", "x", { fence: lock });
    const { ok } = await again.atomic().set("key", "y").increment(a.counter("n")).release(lock).commit();
    assert.equal(ok, true);
    assert.equal(await again.counter("n").get(), 1);
    assert.equal(lock.held, false);
  });

  test("two objects of one namespace live apart", async (t) => {
    const store = await fresh(t)();
    const [one, two] = [store.namespace("a/"), store.namespace("a/")];
    for (const each of [one, two, store]) await each.set(each === one ? "one" : "two", "x", { ephemeral: true });
    const lock = await one.lock("door");
    const next = two.lock("door");
    await one.close();
    assert.equal(lock.held, false);
    await (await next).release();
    assert.deepEqual(await collect(store.keys()), ["a/two", "two"]);
  });

  test("closing a namespace ends what was opened through it, and nothing else", async (t) => {
    const store = await fresh(t)();
    const part = store.namespace("a/");
    await part.set("mine", "x", { ephemeral: true });
    await store.set("ours", "x", { ephemeral: true });
    const lock = await part.lock("door");
    await part.close();
    assert.ok(lock.signal.aborted);
    assert.deepEqual(await collect(store.keys()), ["ours"]);
    await assert.rejects(async () => part.get("mine"), { code: "ERR_STORE_CLOSED" });
    await (await store.namespace("a/").lock("door", { timeout: 1000 })).release();
  });
});
