import assert from "node:assert/strict";
import test from "node:test";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";

const set = (key: string, value = "1") => ({ type: "set", key, value }) as const;
const remove = (key: string) => ({ type: "delete", key }) as const;

test("a server without memory left", { skip: redisMissing, timeout: 20_000 }, async (t) => {
  const server = await startRedis("--appendonly", "yes");
  t.after(() => server.stop());
  const url = `redis://${server.address}`;
  const before = await openRedisEngine(url);
  t.after(() => before.close());
  await before.commit({ mutations: [set("a"), set("b"), set("ballast", "x".repeat(4_000_000))] });
  // Another history: the first to come afterwards has to write that down.
  await before.close();
  await server.kill();
  await server.start();
  await server.command("CONFIG SET maxmemory 1mb");

  const engine = await openRedisEngine(url);
  t.after(() => engine.close());
  const keys = async () => (await engine.list({})).entries.map(({ key }) => key).join();
  assert.equal(await keys(), "a,b,ballast");
  const watch = engine.watch([{}]);
  for (const mutations of [[set("c")], [set("c"), remove("a")], [set("a", "2")]])
    await assert.rejects(async () => engine.commit({ mutations }), { code: "ERR_STORE_FULL", retryable: true });
  assert.equal((await engine.get("a"))?.value, "1");
  assert.equal(await keys(), "a,b,ballast");
  const { ok, version } = await engine.commit({ mutations: [remove("ballast")] });
  assert.equal(ok, true);
  const { value } = await watch.next();
  assert.deepEqual(
    value.map((change: { type: string; key: string; version: number }) => ({ ...change })),
    [{ type: "delete", key: "ballast", version }],
  );
  await watch.return?.();
});
