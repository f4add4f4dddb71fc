import assert from "node:assert/strict";
import * as crypto from "node:crypto";
import test, { type TestContext } from "node:test";
import type { Engine } from "../../../../src/engine/contract.ts";
import type { Change } from "../../../../src/engine/entry.ts";
import type { Range } from "../../../../src/engine/range.ts";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { type RedisMessages, redisMessages } from "../../../fixtures/servers/redis-messages.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";
import { until } from "../../../fixtures/until.ts";

type Pending = Promise<IteratorResult<Change[]>>;

const set = (engine: Engine, key: string, value = "", space?: "system") =>
  engine.commit({ mutations: [{ type: "set", key, value, ...(space && { space }) }] });

/** All that was published before has come in. */
async function quiet(messages: RedisMessages): Promise<void> {
  const { pulses } = messages;
  // The second one was asked for after the first.
  await until(() => messages.pulses >= pulses + 2);
}

async function keysOf(pending: Pending): Promise<string[]> {
  return ((await pending).value as Change[]).map(({ key }) => key);
}

test("a commit wakes those who wait for its keys, and nobody else", {
  skip: redisMissing,
  concurrency: 4,
  timeout: 60_000,
}, async (suite) => {
  const server = await startRedis("--databases", "2");
  /** Node 22 does not wait for subtests by itself. */
  const checks: Promise<void>[] = [];
  const check = (name: string, run: (t: TestContext) => Promise<void>) => void checks.push(suite.test(name, run));
  suite.after(() => server.stop());

  const open = async (t: TestContext, address: string, rest = "") => {
    const engine = await openRedisEngine(`redis://${address}${rest}`);
    t.after(() => engine.close());
    return engine;
  };
  /** Something of a store of its own. */
  const prepare = async (t: TestContext) => {
    const messages = await redisMessages(server.port);
    t.after(() => messages.proxy.close());
    const prefix = `?prefix=${crypto.randomUUID()}`;
    return {
      messages,
      prefix,
      watcher: (rest = prefix) => open(t, `127.0.0.1:${messages.proxy.port}`, rest),
      writer: await open(t, server.address, prefix),
    };
  };

  check("32 engines that wait for other keys hear nothing of 100 commits", async (t) => {
    const { messages, watcher, writer } = await prepare(t);
    const engines: Engine[] = [];
    while (engines.length < 32) engines.push(await watcher());
    const waits = engines.map((engine, i) => engine.watch([{ key: `own ${i}` }, { prefix: `below ${i}/` }]).next());
    await quiet(messages);
    const before = messages.proxy.traffic.down.bytes;
    const begun = performance.now();
    for (let i = 0; i < 100; i++) await set(writer, "other", `${i}`);
    const passed = performance.now() - begun;
    const bytes = messages.proxy.traffic.down.bytes - before;
    await quiet(messages);
    assert.equal(messages.records, 0);
    t.diagnostic(`${bytes} bytes to 32 engines during 100 commits in ${Math.round(passed)} ms: pulses`);
    for (let i = 0; i < 32; i++) await set(writer, i % 2 === 0 ? `own ${i}` : `below ${i}/a`);
    assert.deepEqual(
      (await Promise.all(waits.map(keysOf))).flat(),
      engines.map((_, i) => (i % 2 === 0 ? `own ${i}` : `below ${i}/a`)),
    );
    assert.equal(messages.records, 32);
  });

  for (const [name, range, within, beyond] of [
    ["a prefix with the signs of patterns", { prefix: "a*?[b]\\" }, "a*?[b]\\\0", "axyb\\"],
    ["a prefix of characters of four bytes", { prefix: "\u{1f600}" }, "\u{1f600}a", "\u{1f601}a"],
    ["a range between two keys", { start: "key 5", end: "key 8" }, "key 77", "kez"],
    ["a range whose ends part within a character", { start: "\u{1f600}", end: "\u{1f602}" }, "\u{1f601}", "\u{1f700}"],
    ["a page of a prefix", { prefix: "p/", start: "p/5" }, "p/6", "q/6"],
    ["the other space", { space: "system", prefix: "a" }, "ab", "b"],
  ] satisfies [string, Range, string, string][])
    check(name, async (t) => {
      const { messages, watcher, writer } = await prepare(t);
      const { space } = range as Range;
      const wait = (await watcher()).watch([range]).next();
      await quiet(messages);
      await set(writer, beyond, "", space);
      if (space) await set(writer, within);
      await set(writer, within, "", space);
      assert.deepEqual(await keysOf(wait), [within]);
      // What a range's own prefix does not leave out.
      assert.ok(messages.records === 1 || (name.includes("part within") && messages.records === 2));
    });

  check("stores of the same prefix in two databases know nothing of each other", async (t) => {
    const { messages, prefix, watcher, writer } = await prepare(t);
    const wait = (await watcher(`/1${prefix}`)).watch([{ key: "a" }, { prefix: "" }]).next();
    await quiet(messages);
    await set(writer, "a");
    await quiet(messages);
    assert.equal(messages.records, 0);
    await set(await open(t, server.address, `/1${prefix}`), "a");
    assert.deepEqual(await keysOf(wait), ["a"]);
  });

  check("what is watched no longer is no longer sent", async (t) => {
    const { messages, prefix, watcher, writer } = await prepare(t);
    const engine = await watcher();
    const kept = engine.watch([{ key: "a" }]);
    const first = engine.watch([{ key: "a" }, { key: "b" }, { prefix: "c" }]);
    await quiet(messages);
    await first.return?.();
    await quiet(messages);
    for (const key of ["b", "c", "a"]) await set(writer, key);
    assert.deepEqual(await keysOf(kept.next()), ["a"]);
    assert.equal(messages.records, 1);
    await engine.close();
    await until(async () => !(await server.command("PUBSUB CHANNELS *")).includes(prefix.slice(8)));
  });

  check("the end of a time to live wakes, and that of a session", async (t) => {
    const { messages, watcher, writer } = await prepare(t);
    const engine = await watcher();
    const session = await writer.openSession();
    const { version: from } = await writer.commit({
      mutations: [
        { type: "set", key: "short", value: "", ttl: 20 },
        { type: "set", key: "bound", value: "", session: session.id },
      ],
    });
    const [short, bound] = [engine.watch([{ key: "short" }], { from }), engine.watch([{ key: "bound" }], { from })];
    assert.deepEqual(await keysOf(short.next()), ["short"]);
    await quiet(messages);
    await session.close();
    assert.deepEqual(await keysOf(bound.next()), ["bound"]);
  });

  check("commits too long for a message are read from the log", async (t) => {
    const { messages, watcher, writer } = await prepare(t);
    const watch = (await watcher()).watch([{ prefix: "a" }]);
    await quiet(messages);
    const keys = Array.from({ length: 20 }, (_, i) => `a${String(i).padStart(2, "0")}`);
    const mutations = keys.map((key) => ({ type: "set", key, value: "x".repeat(1000) }) as const);
    await writer.commit({ mutations });
    await set(writer, "a99", "y".repeat(100_000));
    const changes: Change[] = [];
    while (changes.length < 21) changes.push(...((await watch.next()).value as Change[]));
    assert.deepEqual(
      changes.map(({ key }) => key),
      [...keys, "a99"],
    );
    // One for each commit, although each of the keys is below the prefix.
    assert.equal(messages.records, 2);
  });
  await Promise.all(checks);
});
