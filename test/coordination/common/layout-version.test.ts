import * as assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "../../../src/store/codec.ts";
import { Store } from "../../../src/store/store.ts";
import { leftovers, overEngines } from "../engines.ts";

const LAYOUT = { space: "system", key: "layout" } as const;
const NEWER = { code: "ERR_STORE_NEWER_FORMAT" };

/** Each call of coordination: the store must be neither changed nor misread. */
const CALLS: Record<string, (store: Store) => Promise<unknown>> = {
  "lock()": (store) => store.lock("l"),
  "locks.request()": (store) => store.locks.request("l", () => {}),
  "locks.request() with steal": (store) => store.locks.request("l", { steal: true }, () => {}),
  "semaphore acquire()": (store) => store.semaphore("s", 1).acquire(),
  "elect()": (store) => store.elect("e").won,
  "once()": (store) => store.once("o", () => 1),
  "barrier wait()": (store) => store.barrier("b", 1).wait(),
  "channel post()": (store) => store.channel("c").post(1),
  "channel posting()": async (store) => store.channel("c").posting(1).prepare(),
  "queue push()": (store) => store.queue("q").push(1),
  "queue pushing()": async (store) => store.queue("q").pushing(1).prepare(),
  "queue take()": (store) => store.queue("q").take(),
  "counter increment()": (store) => store.counter("n").increment(),
  "counter incrementing()": async (store) => store.counter("n").incrementing().prepare(),
  "counter set()": (store) => store.counter("n").set(1),
  "rateLimit take()": (store) => store.rateLimit("r", { limit: 1, per: 1000 }).take(),
  "locks.query()": (store) => store.locks.query(),
  "semaphore state()": (store) => store.semaphore("s", 1).state(),
  "barrier state()": (store) => store.barrier("b", 1).state(),
  "leader()": (store) => store.leader("e"),
  "leaders()": (store) => store.leaders("e").next(),
  "forgetOnce()": (store) => store.forgetOnce("o"),
  "channel ready": (store) => store.channel("c").ready,
  "queue state()": (store) => store.queue("q").state(),
  "queue discard()": (store) => store.queue("q").deadLetters.discard(1),
  "counter get()": (store) => store.counter("n").get(),
  "rateLimit state()": (store) => store.rateLimit("r", { limit: 1, per: 1000 }).state(),
};

overEngines((ground) => {
  test("coordination writes the version of its layout once, and two handles agree on it", async (t) => {
    const place = await ground(t);
    const engines = await Promise.all([place.open(), place.open()]);
    const stores = engines.map((engine) => new Store(engine, text));
    await Promise.all(stores.map((store) => store.locks.query()));
    assert.equal(await engines[0]!.get(LAYOUT.key, LAYOUT.space), undefined);
    await Promise.all(stores.map((store) => store.counter("n").increment()));
    const first = await engines[1]!.get(LAYOUT.key, LAYOUT.space);
    assert.deepEqual([first!.value, first!.version], ["1", first!.createdVersion]);
    await Promise.all(stores.map(async (store) => (await store.lock("l")).release()));
    assert.deepEqual(await engines[0]!.get(LAYOUT.key, LAYOUT.space), first);
    for (const engine of engines) await engine.close();
  });

  test("a store with another layout is refused by every call, and nothing is written", async (t) => {
    const place = await ground(t);
    const [other, own] = [await place.open(), await place.open()];
    const { version } = await other.commit({ mutations: [{ type: "set", ...LAYOUT, value: "2" }] });
    const store = new Store(own, text);
    for (const [call, act] of Object.entries(CALLS)) await assert.rejects(act(store), NEWER, call);
    assert.equal((await other.get(LAYOUT.key, LAYOUT.space))!.version, version);
    assert.deepEqual(await leftovers(other), []);
    // Values are no part of the layout.
    await store.set("key", "value");
    // The failed check is not remembered.
    await other.commit({ mutations: [{ type: "set", ...LAYOUT, value: "1" }] });
    await (await store.lock("l")).release();
    for (const engine of [other, own]) await engine.close();
  });

  test("a namespace has a layout of its own", async (t) => {
    const engine = await (await ground(t)).open();
    const store = new Store(engine, text);
    await engine.commit({ mutations: [{ type: "set", ...LAYOUT, value: "2" }] });
    await store.namespace("a/").counter("n").increment();
    await assert.rejects(store.counter("n").increment(), NEWER);
    const layouts = (await engine.list({ space: "system" })).entries.filter(({ key }) => key.endsWith("layout"));
    assert.deepEqual(layouts.map(({ value }) => value).sort(), ["1", "2"]);
    await engine.close();
  });
});
