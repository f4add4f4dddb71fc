import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Channel, type ChannelEvent } from "../../../src/coordination/channel/channel.ts";
import { messageKey } from "../../../src/coordination/channel/key.ts";
import type { Engine } from "../../../src/engine/contract.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";
import { until } from "../../fixtures/until.ts";
import { join, leftovers, overEngines } from "../engines.ts";
import { broadcast } from "./broadcast.ts";

const LISTENER = fileURLToPath(import.meta.resolve("./listener-child.ts"));

/** Collects what comes. */
function collect<T>(channel: Channel<T>): T[] {
  const got: T[] = [];
  channel.addEventListener("message", (event) => got.push((event as ChannelEvent<T>).data));
  return got;
}

overEngines((ground) => {
  test("every other object of the name gets every message, as structured data; the poster does not", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [one, two, three] = [new Channel<unknown>(a, "c"), new Channel(a, "c"), new Channel(b, "c")];
    const other = new Channel(b, "c/d");
    const [own, same, far, apart] = [collect(one), collect(two), collect(three), collect(other)];
    await Promise.all([one.ready, two.ready, three.ready, other.ready]);
    const messages = [
      new Map([["k", new Set([1n])]]),
      undefined,
      null,
      new Array(2),
      new Date(0),
      { deep: { text: "ü" } },
    ];
    for (const value of messages) one.postMessage(value);
    await until(() => same.length === 6 && far.length === 6);
    assert.deepEqual(same, structuredClone(messages));
    assert.deepEqual(far, structuredClone(messages));
    assert.notEqual(same[0], far[0]);
    three.postMessage("back");
    await until(() => own.length === 1 && same.length === 7);
    assert.deepEqual([own, apart], [["back"], []]);
    for (const channel of [one, two, three, other]) await channel.close();
  });

  test("a message posted right after a listener of the same process was made reaches it", async (t) => {
    const member = await join(t, await ground(t));
    const [one, two] = [new Channel(member, "c"), new Channel(member, "c")];
    const got = Promise.withResolvers<ChannelEvent<unknown>>();
    two.onmessage = got.resolve;
    one.postMessage("hello");
    const event = await got.promise;
    assert.ok(event instanceof MessageEvent);
    assert.equal(event.type, "message");
    assert.equal(event.data, "hello");
    assert.equal(event.target, two);
    await Promise.all([one.close(), two.close()]);
  });

  test("all listeners see one order, also of several posters", async (t) => {
    const store = await ground(t);
    const members = await Promise.all(Array.from({ length: 3 }, () => join(t, store)));
    const posters = members.map((member) => new Channel<string>(member, "c"));
    const listeners = members.map((member) => new Channel<string>(member, "c"));
    const got = listeners.map(collect);
    await Promise.all(listeners.map(({ ready }) => ready));
    await Promise.all(
      posters.map(async (poster, p) => {
        for (let i = 0; i < 50; i++) i % 3 === 0 ? await poster.post(`${p} ${i}`) : poster.postMessage(`${p} ${i}`);
      }),
    );
    await until(() => got.every(({ length }) => length === 150));
    assert.deepEqual(got[1], got[0]);
    assert.deepEqual(got[2], got[0]);
    for (const p of [0, 1, 2])
      assert.deepEqual(
        got[0]!.filter((text) => text.startsWith(`${p} `)),
        Array.from({ length: 50 }, (_, i) => `${p} ${i}`),
      );
    for (const channel of [...posters, ...listeners]) await channel.close();
  });

  test("a listener gets what is posted from when it listens until it closes", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [poster, early, late] = [new Channel(a, "c"), new Channel(b, "c"), new Channel(b, "c")];
    const first = collect(early);
    await early.ready;
    await poster.post(1);
    await poster.post(2);
    await until(() => first.length === 2);
    await early.close();
    const second = collect(late);
    await late.ready;
    await poster.post(3);
    await until(() => second.length === 1);
    assert.deepEqual(first, [1, 2]);
    assert.deepEqual(second, [3]);
    // Closed by its own handler, it gets no further one, not even of the same commit.
    const third: unknown[] = [];
    late.onmessage = ({ data }) => {
      third.push(data);
      void late.close();
    };
    const last = collect(new Channel(b, "c"));
    for (const n of [4, 5, 6]) poster.postMessage(n);
    await until(() => last.length === 3 && third.length > 0);
    await poster.close();
    assert.deepEqual(third, [4]);
  });

  test("an iteration gets the messages, ends when the channel closes, and leaves at break", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [poster, listener] = [new Channel<number>(a, "c"), new Channel<number>(b, "c")];
    const all: number[] = [];
    const ended = (async () => {
      for await (const data of listener) all.push(data);
    })();
    const some: number[] = [];
    const left = (async () => {
      for await (const data of listener) if (some.push(data) === 2) break;
    })();
    await listener.ready;
    for (const n of [1, 2, 3]) await poster.post(n);
    await left;
    await until(() => all.length === 3);
    await listener.close();
    await ended;
    assert.deepEqual(
      [all, some],
      [
        [1, 2, 3],
        [1, 2],
      ],
    );
    await poster.close();
  });

  test("a listener that falls behind is told, and goes on with what is still there", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    let gate = Promise.resolve();
    const slow = { engine: gated(b.engine, () => gate), session: b.session };
    const poster = new Channel<number>(a, "c", { capacity: 5 });
    const listener = new Channel<number>(slow, "c");
    const events: unknown[] = [];
    listener.onmessage = ({ data }) => events.push(data);
    listener.onmessageerror = ({ data }) => events.push((data as unknown as { code: string }).code);
    const iteration = (async () => {
      for await (const _ of listener);
    })();
    const lost = assert.rejects(iteration, { code: "ERR_STORE_LAGGING" });
    await listener.ready;
    await poster.post(0);
    await until(() => events.length === 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    // The first of them may be on its way already; of the rest only five are kept, and what a network still carries.
    for (let n = 1; n <= 20; n++) await poster.post(n);
    resolve();
    await until(() => events.at(-1) === 20);
    // Each gap is told, and nothing else is.
    let last = -1;
    const expected: unknown[] = [];
    for (const number of events.filter((event) => typeof event === "number")) {
      assert.ok(number > last, String(events));
      if (number > last + 1) expected.push("ERR_STORE_LAGGING");
      expected.push(number);
      last = number;
    }
    assert.deepEqual(events, expected);
    assert.ok(events.includes("ERR_STORE_LAGGING"), String(events));
    for (let n = 16; n <= 20; n++) assert.ok(events.includes(n), String(events));
    await lost;
    await poster.post(21);
    await until(() => events.at(-1) === 21);
    await Promise.all([listener.close(), poster.close()]);
  });

  test("an iteration that is slower than its capacity is told", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [poster, listener] = [new Channel<number>(a, "c"), new Channel<number>(b, "c", { capacity: 3 })];
    const got = collect(listener);
    const iterator = listener[Symbol.asyncIterator]();
    await listener.ready;
    for (let n = 0; n < 3; n++) await poster.post(n);
    await until(() => got.length === 3);
    assert.deepEqual(await iterator.next(), { done: false, value: 0 });
    for (let n = 3; n < 5; n++) await poster.post(n);
    await until(() => got.length === 5);
    await assert.rejects(iterator.next(), { code: "ERR_STORE_LAGGING" });
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    await Promise.all([listener.close(), poster.close()]);
  });

  test("messages whose time ran out before it listened are no loss of a listener", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const old = messageKey("channel/c/", { stream: "x-0", number: 1, at: Date.now() - 61_000 });
    const set = { type: "set", space: "system", key: old, value: "1" } as const;
    await a.engine.commit({ mutations: [set] });
    const listener = new Channel<number>(b, "c");
    const events: unknown[] = [];
    listener.onmessage = ({ data }) => events.push(data);
    listener.onmessageerror = () => events.push("error");
    await listener.ready;
    await a.engine.commit({ mutations: [{ type: "delete", space: "system", key: old }] });
    const older = { ...set, key: messageKey("channel/c/", { stream: "y-0", number: 1, at: Date.now() - 61_000 }) };
    await a.engine.commit({ mutations: [older, { ...set, key: `${older.key}0` }] });
    const poster = new Channel<number>(a, "c");
    await poster.post(2);
    await until(() => events.at(-1) === 2);
    assert.ok(!events.includes("error"));
    await Promise.all([listener.close(), poster.close()]);
  });

  test("a poster keeps no more than its capacity", async (t) => {
    const member = await join(t, await ground(t));
    const poster = new Channel<number>(member, "c", { capacity: 3 });
    for (let n = 0; n < 10; n++) await poster.post(n);
    assert.equal((await leftovers(member.engine)).length, 3);
    await poster.close();
  });

  test("a step of an atomic commit; listeners get it once", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const [poster, listener] = [new Channel<unknown>(a, "c"), new Channel<unknown>(b, "c")];
    const [own, got] = [collect(poster), collect(listener)];
    await Promise.all([poster.ready, listener.ready]);
    const steps = [poster.posting({ n: 1 }), poster.posting({ n: 2 })];
    const parts = await Promise.all(steps.map((step) => step.prepare()));
    const state = { type: "set", key: "state", value: "x" } as const;
    await a.engine.commit({ mutations: [...parts.flatMap(({ mutations }) => mutations), state] });
    await poster.post("after");
    await until(() => got.length === 3);
    assert.deepEqual(got, [{ n: 1 }, { n: 2 }, "after"]);
    assert.deepEqual(own, []);
    await Promise.all([poster.close(), listener.close()]);
  });

  test("bad input, and what a BroadcastChannel throws", async (t) => {
    const member = await join(t, await ground(t));
    assert.throws(() => new Channel(member, 1 as never), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(() => new Channel(member, "c", { capacity: "1" as never }), { code: "ERR_INVALID_ARG_TYPE" });
    for (const capacity of [0, -1, 1.5, NaN, 100_001])
      assert.throws(() => new Channel(member, "c", { capacity }), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    const channel = new Channel<unknown>(member, "c");
    assert.equal(channel.name, "c");
    for (const value of [() => {}, Symbol("s"), { f() {} }, Promise.resolve(), new Proxy({}, {})]) {
      assert.throws(() => channel.postMessage(value), { name: "DataCloneError" });
      await assert.rejects(channel.post(value), { name: "DataCloneError" });
      assert.throws(() => channel.posting(value), { name: "DataCloneError" });
    }
    assert.deepEqual([channel.onmessage, channel.onmessageerror], [null, null]);
    channel.onmessage = "text" as never;
    assert.equal(channel.onmessage, null);
    assert.deepEqual(await leftovers(member.engine), []);
    await channel.close();
    await channel.close();
    assert.throws(() => channel.postMessage(1), { name: "StoreError", code: "ERR_STORE_CLOSED" });
    await assert.rejects(channel.post(1), { name: "StoreError", code: "ERR_STORE_CLOSED" });
    assert.throws(() => channel.posting(1), { name: "StoreError", code: "ERR_STORE_CLOSED" });
    assert.throws(() => channel[Symbol.asyncIterator](), { name: "StoreError", code: "ERR_STORE_CLOSED" });
    assert.throws(() => channel.ready, { name: "StoreError", code: "ERR_STORE_CLOSED" });
  });

  test("what is no message of ours is a messageerror; a store that closes ends the channel", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const listener = new Channel(b, "c");
    const error = Promise.withResolvers<{ code: string }>();
    listener.onmessage = () => assert.fail("no message");
    listener.onmessageerror = ({ data }) => error.resolve(data as { code: string });
    await listener.ready;
    const key = messageKey("channel/c/", { stream: "x-0", number: 1, at: Date.now() });
    await a.engine.commit({ mutations: [{ type: "set", space: "system", key, value: "~nonsense" }] });
    assert.equal((await error.promise).code, "ERR_STORE_CODEC");
    const iteration = (async () => {
      for await (const _ of listener) assert.fail("no message");
    })();
    await b.engine.close();
    await iteration;
    assert.throws(() => listener.postMessage(1), { name: "StoreError", code: "ERR_STORE_CLOSED" });
    const poster = new Channel(a, "c");
    const failed = Promise.withResolvers<{ code: string }>();
    poster.onmessageerror = ({ data }) => failed.resolve(data as { code: string });
    await a.engine.close();
    poster.postMessage(1);
    assert.equal((await failed.promise).code, "ERR_STORE_CLOSED");
    await assert.rejects(poster.post(1), { code: "ERR_STORE_CLOSED" });
  });
});

/** An engine whose watches come on only when they may. */
function gated(engine: Engine, gate: () => Promise<void>): Engine {
  return {
    name: engine.name,
    capabilities: engine.capabilities,
    get: (...args) => engine.get(...args),
    list: (...args) => engine.list(...args),
    commit: (...args) => engine.commit(...args),
    watch(...args) {
      const changes = engine.watch(...args);
      return {
        next: async () => {
          await gate();
          return changes.next();
        },
        return: async () => changes.return!(),
        [Symbol.asyncIterator]() {
          return this;
        },
        [Symbol.asyncDispose]: () => changes[Symbol.asyncDispose](),
      };
    },
    openSession: (...args) => engine.openSession(...args),
    info: () => engine.info(),
    close: () => engine.close(),
    [Symbol.asyncDispose]: () => engine.close(),
  };
}

test("processes: every listener gets everything in one order, while others are killed", async (t) => {
  await broadcast(t, { members: 4, doomed: 2, count: 150 });
});

test("a listening channel keeps its process alive until it closes, an unref()ed one does not", async (t) => {
  const file = `${temporaryFolder(t)}/store.db`;
  const run = (how: string) =>
    spawnSync(process.execPath, [LISTENER, file, how], { timeout: 20_000, encoding: "utf8" });
  for (const how of ["unref", "close", "nothing"]) {
    const { status, stdout, stderr } = run(how);
    assert.deepEqual([status, stdout], [0, "ended\n"], stderr);
  }
  const { status, stdout, stderr } = run("listen");
  assert.deepEqual([status, stdout], [0, "got stop\nended\n"], stderr);
});
