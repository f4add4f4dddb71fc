import assert from "node:assert/strict";
import * as crypto from "node:crypto";
import test, { type TestContext } from "node:test";
import type { Engine } from "../../../../src/engine/contract.ts";
import type { Change } from "../../../../src/engine/entry.ts";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { redisMessages } from "../../../fixtures/servers/redis-messages.ts";
import { type RedisServer, redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";
import { until } from "../../../fixtures/until.ts";

const set = async (engine: Engine, key: string, value = "") =>
  engine.commit({ mutations: [{ type: "set", key, value }] });

async function collect(changes: AsyncIterator<Change[]>, number: number): Promise<Change[]> {
  const all: Change[] = [];
  while (all.length < number) all.push(...((await changes.next()).value as Change[]));
  return all;
}

/** A server, something that writes to it, and something that watches through a proxy. */
async function prepare(t: TestContext, shared?: RedisServer) {
  const server = shared ?? (await startRedis());
  const messages = await redisMessages(server.port);
  const engines: Engine[] = [];
  t.after(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    await messages.proxy.close();
    if (!shared) await server.stop();
  });
  const name = crypto.randomUUID();
  const open = async (address: string) => {
    const engine = await openRedisEngine(`redis://${address}?prefix=${name}`);
    engines.push(engine);
    return engine;
  };
  const writer = await open(server.address);
  const watcher = await open(`127.0.0.1:${messages.proxy.port}`);
  const { proxy } = messages;
  /** What was published before has come in, and a pulse after it. */
  const pulse = async () => {
    const { pulses } = messages;
    await until(() => messages.pulses >= pulses + 2);
  };
  return { server, name, messages, proxy, writer, watcher, pulse };
}

test("the feed of a watch", { skip: redisMissing, concurrency: true, timeout: 60_000 }, async (suite) => {
  const shared = await startRedis();
  /** Node 22 does not wait for subtests by itself. */
  const checks: Promise<void>[] = [];
  const check = (name: string, run: (t: TestContext) => Promise<void>) => void checks.push(suite.test(name, run));
  suite.after(() => shared.stop());

  check("connections are cut while commits go on: nothing is missed, nothing comes twice", async (t) => {
    const { proxy, server, writer, watcher } = await prepare(t);
    const number = 600;
    const all = collect(watcher.watch([{ prefix: "all/" }]), number);
    const keys = Array.from({ length: 8 }, (_, i) => `all/${String(i * 75).padStart(3, "0")}`);
    const some = keys.map((key) => collect(watcher.watch([{ key }]), 1));
    for (let i = 0; i < number; i++) {
      await set(writer, `all/${String(i).padStart(3, "0")}`, "x".repeat(i % 7 === 0 ? 2000 : 1));
      if (i % 50 === 20) proxy.cut();
      // The feed's connection alone.
      if (i % 50 === 40) await server.command("CLIENT KILL TYPE pubsub");
    }
    const found = (await all).map(({ key }) => key);
    assert.deepEqual(
      found,
      Array.from({ length: number }, (_, i) => `all/${String(i).padStart(3, "0")}`),
    );
    assert.deepEqual(
      (await Promise.all(some)).flat().map(({ key }) => key),
      keys,
    );
  });

  check("watches begin and end while connections are cut", async (t) => {
    const { proxy, writer, watcher } = await prepare(t);
    let { version: from } = await set(writer, "0", "0");
    for (let i = 1; i < 60; i++) {
      const changes = watcher.watch([{ key: `${i % 5}` }], { from });
      if (i % 3 === 0) proxy.cut();
      ({ version: from } = await set(writer, `${i % 5}`, `${i}`));
      const [change] = await collect(changes, 1);
      assert.equal(change?.type === "set" && change.entry.value, `${i}`);
      await changes.return?.();
    }
  });

  check(
    "an idle watch of a busy store resumes where the log no longer reaches back to what it last reported",
    async (t) => {
      const { server, name, proxy, writer, watcher, pulse } = await prepare(t, shared);
      const changes = watcher.watch([{ key: "quiet" }, { prefix: "quiet/" }]);
      await set(writer, "quiet");
      await collect(changes, 1);
      for (let i = 0; i < 100; i++) await set(writer, "busy", `${i}`);
      await pulse();
      await server.command(`XTRIM {${name}}:log MAXLEN 0`);
      await proxy.refuse();
      await set(writer, "busy", "again");
      await set(writer, "quiet/a");
      await proxy.accept();
      assert.deepEqual(
        (await collect(changes, 1)).map(({ key }) => key),
        ["quiet/a"],
      );
    },
  );

  check("a connection of which only the client believes that it lives is made anew", async (t) => {
    const { proxy, writer, watcher, pulse } = await prepare(t, shared);
    const changes = watcher.watch([{ key: "a" }]);
    await pulse();
    proxy.freeze();
    await set(writer, "a");
    assert.equal((await collect(changes, 1)).length, 1);
  });

  check("a store that was emptied is another one, also where nobody noticed that it was empty", async (t) => {
    const { server, writer, watcher, pulse } = await prepare(t);
    await set(writer, "other");
    const next = watcher.watch([{ key: "a" }]).next();
    await pulse();
    await server.command("MULTI\r\nFLUSHALL\r\nSET {x} y\r\nEXEC");
    await set(writer, "other");
    await assert.rejects(next, { code: "ERR_STORE_HISTORY_LOST" });
  });

  check("a store that forgot which prefixes are watched is reminded of it", async (t) => {
    const { server, name, writer, watcher, pulse } = await prepare(t, shared);
    const changes = watcher.watch([{ prefix: "a" }]);
    await pulse();
    await server.command(`DEL {${name}}:watched`);
    await server.command(`HDEL {${name}}:meta watched`);
    await set(writer, "a1");
    await pulse();
    await set(writer, "a2");
    assert.deepEqual(
      (await collect(changes, 2)).map(({ key }) => key),
      ["a1", "a2"],
    );
  });

  check("on a server that is full a new prefix is watched all the same", async (t) => {
    const { server, writer, watcher } = await prepare(t);
    await set(writer, "a");
    await server.command("CONFIG SET maxmemory 1");
    const changes = watcher.watch([{ prefix: "a" }], { from: (await watcher.list({})).version });
    await writer.commit({ mutations: [{ type: "delete", key: "a" }] });
    assert.deepEqual((await collect(changes, 1))[0]?.type, "delete");
  });

  check("a user who may not use the store's channels is told what to permit", async (t) => {
    const { server, name } = await prepare(t, shared);
    const user = name.slice(0, 8);
    const refused = `redis://${user}:p@${server.address}?prefix=${name}`;
    await server.command(`ACL SETUSER ${user} on >p ~{${name}}:* resetchannels +@all`);
    await assert.rejects(openRedisEngine(refused), { code: "ERR_STORE_AUTHENTICATION", message: /&\{PREFIX\}:\*/ });
    await server.command(`ACL SETUSER ${user} &{${name}}:* -@dangerous +info`);
    const engine = await openRedisEngine(refused);
    t.after(() => engine.close());
    const changes = engine.watch([{ prefix: "a" }, { key: "b" }]);
    await engine.openSession();
    await set(engine, "a");
    await set(engine, "b");
    assert.equal((await collect(changes, 2)).length, 2);
    // What a permission that goes takes away is told too.
    const next = assert.rejects(changes.next(), { code: "ERR_STORE_AUTHENTICATION" });
    await server.command(`ACL SETUSER ${user} resetchannels`);
    await next;
    await assert.rejects(set(engine, "a"), { code: "ERR_STORE_AUTHENTICATION" });
  });
  await Promise.all(checks);
});
