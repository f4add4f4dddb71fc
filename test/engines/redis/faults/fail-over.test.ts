import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../../../../src/engine/contract.ts";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { type RedisServer, redisMissing, startRedis, startSentinel } from "../../../fixtures/servers/redis-server.ts";

const set = (key: string, more: { session?: string } = {}) => ({ type: "set", key, value: "1", ...more }) as const;

async function answers(t: TestContext, server: RedisServer, command: string, what: RegExp): Promise<string[]> {
  for (;;) {
    t.signal.throwIfAborted();
    const found = what.exec(await server.command(command).catch(() => ""));
    if (found) return found;
    await sleep(20);
  }
}

/** A primary, its replica, a sentinel, and an engine that finds the primary by it. */
async function arrange(t: TestContext) {
  const servers: RedisServer[] = [];
  let engine: Engine | undefined;
  t.after(async () => {
    await engine?.close();
    for (const server of servers.reverse()) await server.stop();
  });
  const primary = await startRedis("--repl-diskless-sync-delay", "0");
  servers.push(primary);
  const replica = await startRedis("--replicaof", "127.0.0.1", `${primary.port}`);
  servers.push(replica);
  await answers(t, replica, "INFO replication", /master_link_status:up/);
  const sentinel = await startSentinel("main", primary);
  servers.push(sentinel);
  await answers(t, sentinel, "SENTINEL REPLICAS main", new RegExp(`127.0.0.1:${replica.port}`));
  engine = await openRedisEngine(`redis+sentinel://${sentinel.address}/main`);
  return { primary, replica, sentinel, engine };
}

// A sentinel that was kept waiting for the processor does nothing for half a minute: its TILT mode.
test("a fail-over by a sentinel", { skip: redisMissing, concurrency: true, timeout: 120_000 }, async (suite) => {
  for (const [name, isKilled] of [
    ["the primary is killed", true],
    ["the primary stands still", false],
  ] as const)
    suite.test(`${name}: the same handle goes on with the new one`, async (t) => {
      const { primary, replica, engine } = await arrange(t);
      assert.equal((await engine.info()).details.endpoint, primary.address);
      const session = await engine.openSession({ ttl: 30_000 });
      await engine.commit({ mutations: [set("held", { session: session.id })] });
      const reported = new Set<string>();
      const watch = engine.watch([{ prefix: "k" }]);
      const watching = (async () => {
        for await (const changes of watch) {
          for (const { key } of changes) reported.add(key);
          if (reported.has("k last")) return;
        }
      })();
      const acknowledged: string[] = [];
      let newest = 0;
      let longest = 0;
      let unknown = 0;
      const write = async (key: string) => {
        const begun = performance.now();
        try {
          const { version } = await engine.commit({ mutations: [set(key)] }, { timeout: isKilled ? 15_000 : 1500 });
          assert.ok(version > newest, "versions grow, across the fail-over too");
          newest = version;
          acknowledged.push(key);
        } catch (error) {
          unknown++;
          const { code } = error as { code?: string };
          // Where it stands still the new connection may not be made in that time.
          assert.ok(code === "ERR_STORE_OUTCOME_UNKNOWN" || (!isKilled && code === "ERR_STORE_UNAVAILABLE"), code);
        }
        longest = Math.max(longest, performance.now() - begun);
      };
      for (let i = 0; i < 40; i++) await write(`k a${i}`);
      // What the replica has is not lost.
      const [, offset] = await answers(t, primary, "INFO replication", /master_repl_offset:(\d+)/);
      await answers(t, replica, "INFO replication", new RegExp(`slave_repl_offset:${offset}\\b`));
      if (isKilled) await primary.kill();
      else primary.pause();
      const begun = performance.now();
      const promoted = answers(t, replica, "INFO replication", /role:master/).then(() => true);
      for (let i = 0; !(await Promise.race([promoted, sleep(20)])); i++) await write(`k b${i}`);
      const took = performance.now() - begun;
      for (let i = 0; i < 40; i++) await write(`k c${i}`);
      await engine.commit({ mutations: [set("k last")] });
      await watching;
      const kept = (await engine.list({ prefix: "k" })).entries.map(({ key }) => key);
      const lost = acknowledged.filter((key) => !kept.includes(key));
      const { details } = await engine.info();
      t.diagnostic(`fail-over ${took.toFixed(0)} ms, longest write ${longest.toFixed(0)} ms, ${unknown} unknown`);
      assert.equal(details.endpoint, replica.address);
      assert.deepEqual(lost, []);
      assert.deepEqual(
        kept.filter((key) => !reported.has(key)),
        [],
      );
      assert.equal(session.signal.aborted, false);
      assert.equal((await engine.get("held"))?.session, session.id);
      assert.ok(longest < 10_000, `${longest} ms`);
      assert.ok(acknowledged.length >= 60, `${acknowledged.length} acknowledged`);
      assert.ok(unknown <= (isKilled ? 1 : 10), `${unknown} unknown`);
    });
});
