import * as assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { overStores } from "./stores.ts";

overStores((fresh) => {
  test("all or nothing, on condition of versions", async (t) => {
    const store = await fresh(t)();
    await store.set("a", "1");
    const a = (await store.getEntry("a"))!;
    const made = await store.atomic().check(a, { key: "b", version: 0 }).set("a", "2").set("b", "2").commit();
    assert.ok(made.ok);
    assert.equal((await store.getEntry("b"))!.version, made.version);
    assert.deepEqual(await store.atomic().check(a).set("a", "3").delete("b").commit(), { ok: false });
    assert.equal(await store.get("a"), "2");
    assert.ok((await store.atomic().set("c", "x", { ephemeral: true }).delete("b").commit()).ok);
    assert.equal(await store.has("b"), false);
    assert.ok((await store.getEntry("c"))!.session);
    const spent = store.atomic().set("a", "4");
    await spent.commit();
    await assert.rejects(spent.commit(), { code: "ERR_INVALID_ARG_VALUE" });
  });

  test("takes a job, a message, a count and the release of a lock along", async (t) => {
    const open = fresh(t);
    const [store, other] = [await open(), await open()];
    const [queue, counter] = [store.queue<string>("jobs"), store.counter("hits")];
    const [channel, listener] = [store.channel<string>("news"), other.channel<string>("news")];
    await listener.ready;
    const heard = once(listener as unknown as EventTarget, "message");
    const lock = await store.lock("door");
    const failed = await store.atomic().check({ key: "absent", version: 7 }).push(queue, "lost").commit();
    assert.deepEqual(failed, { ok: false });
    const made = await store
      .atomic()
      .set("state", "done")
      .push(queue, "job")
      .post(channel, "hello")
      .increment(counter, 3)
      .release(lock)
      .commit({ fence: lock });
    assert.ok(made.ok);
    assert.equal((await heard)[0].data, "hello");
    assert.equal(await other.counter("hits").get(), 3);
    assert.equal(lock.held, false);
    await (await other.lock("door", { timeout: 1000 })).release();
    const job = await other.queue<string>("jobs").take({ timeout: 1000 });
    assert.equal(job.value, "job");
    assert.ok((await other.atomic().with(job.acking()).set("result", "x").commit()).ok);
    assert.deepEqual(await other.queue("jobs").state(), { ready: 0, delayed: 0, active: 0, dead: 0 });
    await assert.rejects(store.atomic().set("x", "y").release(lock).commit(), { code: "ERR_STORE_FENCED" });
    assert.equal(await store.has("x"), false);
    await channel.close();
    await listener.close();
  });

  test("those who change one counter and one queue at once all succeed", async (t) => {
    const open = fresh(t);
    const stores = await Promise.all([open(), open(), open()]);
    await Promise.all(
      stores.flatMap((store, i) =>
        Array.from({ length: 10 }, (_, j) =>
          store.atomic().increment(store.counter("n")).push(store.queue("q"), j).set(`k${i}${j}`, "").commit(),
        ),
      ),
    );
    assert.equal(await stores[0]!.counter("n").get(), 30);
    assert.equal((await stores[0]!.queue("q").state()).ready, 30);
  });
});
