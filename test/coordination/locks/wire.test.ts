import assert from "node:assert/strict";
import * as crypto from "node:crypto";
import test from "node:test";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import { lockTable } from "../../../src/coordination/locks/table.ts";
import type { Engine } from "../../../src/engine/contract.ts";
import { openEtcdEngine } from "../../../src/engines/etcd/engine.ts";
import { openRedisEngine } from "../../../src/engines/redis/engine.ts";
import { etcdMissing, startEtcd } from "../../fixtures/servers/etcd-server.ts";
import { redisMessages } from "../../fixtures/servers/redis-messages.ts";
import { redisMissing, startRedis } from "../../fixtures/servers/redis-server.ts";
import { tcpProxy } from "../../fixtures/servers/tcp-proxy.ts";
import { until } from "../../fixtures/until.ts";

/** A session lives for so long (ms) that it sends nothing meanwhile. */
const TTL = 600_000;

interface Wire {
  open(): Promise<Engine>;
  /** What has passed to all of them. */
  count(): number;
  /** Whether all of so many watches are heard by the server. */
  isHeard?(number: number): Promise<boolean>;
}

/** So many wait for one lock, each with an engine of its own; then each has it once. Resolves to what was counted meanwhile. */
async function passOn(number: number, { open, count, isHeard }: Wire): Promise<number> {
  const engines: Engine[] = [];
  while (engines.length < number) engines.push(...(await Promise.all(Array.from({ length: 8 }, open))));
  try {
    const clients = engines.map((engine) => {
      const session = engine.openSession({ ttl: TTL });
      return new LockClient({ engine, session: () => session });
    });
    const held = await clients[0]!.lock("l");
    const passed = Promise.all(clients.slice(1).map(async (client) => (await client.lock("l")).release()));
    const wait = async () => {
      await until(async () => (await lockTable(engines[0]!))[0]!.waiting.length === number - 1);
      if (isHeard) await until(() => isHeard(number - 1));
    };
    // If one of them fails, its error is the test's.
    await Promise.race([passed, wait()]);
    const before = count();
    await held.release();
    await passed;
    return count() - before;
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
  }
}

test("a release wakes one of those who wait, however many they are", { timeout: 120_000 }, async (suite) => {
  await suite.test("Redis", { skip: redisMissing }, async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const told: number[] = [];
    for (const number of [16, 256]) {
      const messages = await redisMessages(server.port);
      t.after(() => messages.proxy.close());
      const prefix = crypto.randomUUID();
      const url = `redis://127.0.0.1:${messages.proxy.port}?prefix=${prefix}`;
      const total = await passOn(number, {
        open: () => openRedisEngine(url),
        count: () => messages.records,
        isHeard: async (watches) =>
          (await server.command(`PUBSUB CHANNELS {${prefix}}:0:k:system:lock/l/*`)).startsWith(`*${watches}\r\n`),
      });
      told.push(total / (number - 1));
    }
    t.diagnostic(`messages of a release: ${told.join(" with 16, ")} with 256`);
    assert.deepEqual(told, [1, 1]);
  });

  await suite.test("etcd", { skip: etcdMissing }, async (t) => {
    const server = await startEtcd();
    t.after(() => server.stop());
    const bytes: number[] = [];
    for (const number of [16, 128]) {
      const proxy = await tcpProxy(server.port);
      t.after(() => proxy.close());
      const url = `etcd://127.0.0.1:${proxy.port}/${crypto.randomUUID()}`;
      const total = await passOn(number, {
        open: () => openEtcdEngine(url),
        count: () => proxy.traffic.down.bytes,
      });
      bytes.push(total / number);
    }
    t.diagnostic(`bytes to all for a release: ${bytes.map(Math.round).join(" with 16, ")} with 128`);
    // If each of them were told, it would be some eight times as much.
    assert.ok(bytes[1]! < 2 * bytes[0]!, `${bytes}`);
  });
});
