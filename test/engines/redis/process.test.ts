import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import test from "node:test";
import { openRedisEngine } from "../../../src/engines/redis/engine.ts";
import { message, start } from "../../fixtures/child.ts";
import { redisMissing, startRedis } from "../../fixtures/redis-server.ts";

const ENGINE = path.join(import.meta.dirname, "../../../src/engines/redis/engine.ts");
const HOLDER = path.join(import.meta.dirname, "holder.ts");
const TTL = 1000;
/** What a busy machine and the sweep may add, in milliseconds. */
const SLACK = 1000;

test("processes on Redis", { skip: redisMissing, concurrency: true, timeout: 40_000 }, async (suite) => {
  const server = await startRedis();
  suite.after(() => server.stop());

  suite.test(
    "stopped for twice its session's time: the signal fires on the first turn, its writes are refused",
    async (t) => {
      const url = `redis://${server.address}?prefix=stopped`;
      const holder = start(t, HOLDER, url, String(TTL));
      assert.equal(await message(holder), "holding");
      const engine = await openRedisEngine(url);
      t.after(() => engine.close());
      const gone = engine.watch([{ key: "held" }]);
      holder.kill("SIGSTOP");
      const stopped = performance.now();
      const [change] = (await gone.next()).value;
      const waited = performance.now() - stopped;
      assert.equal(change.type, "delete");
      assert.ok(waited < TTL + SLACK, `the others waited ${waited} ms`);
      await engine.commit({ mutations: [{ type: "set", key: "held", value: "heir" }] });
      await new Promise((resolve) => setTimeout(resolve, 2 * TTL - (performance.now() - stopped)));
      holder.kill("SIGCONT");
      const report = await message<{ code: string; turns: number; late: boolean }>(holder);
      assert.deepEqual(
        { ...report, turns: report.turns <= 2 },
        { code: "ERR_STORE_SESSION_LOST", turns: true, late: false },
      );
      assert.equal(await engine.get("protected"), undefined);
      await gone.return?.();
    },
  );

  suite.test("a process that is killed: its entries go after the time to live, once for all who watch", async (t) => {
    const url = `redis://${server.address}?prefix=killed`;
    const holder = start(t, HOLDER, url, String(TTL));
    await message(holder);
    const engines = await Promise.all([1, 2, 3].map(() => openRedisEngine(url)));
    t.after(() => Promise.all(engines.map((engine) => engine.close())));
    const watches = engines.map((engine) => engine.watch([{}]));
    holder.kill("SIGKILL");
    const killed = performance.now();
    const firsts = await Promise.all(watches.map(async (watch) => (await watch.next()).value[0]));
    assert.ok(performance.now() - killed < TTL + SLACK);
    assert.deepEqual(new Set(firsts.map(({ type, key }) => `${type} ${key}`)), new Set(["delete held"]));
    assert.equal(new Set(firsts.map(({ version }) => version)).size, 1);
    // Nothing came between: one of them alone removed it.
    const { version } = await engines[0]!.commit({ mutations: [{ type: "set", key: "after", value: "" }] });
    assert.equal(version, firsts[0].version + 1);
    for (const watch of watches) await watch.return?.();
  });

  const program = (body: string) => `
    const { openRedisEngine } = await import(${JSON.stringify(ENGINE)});
    const engine = await openRedisEngine("redis://${server.address}?prefix=exits");
    const session = await engine.openSession();
    await engine.commit({ mutations: [{ type: "set", key: "a", value: "1", session: session.id }] });
    ${body}`;

  suite.test("a session and watches that nobody waits for let a process end by itself", async (t) => {
    const body = `
      const idle = engine.watch([{ key: "a" }]);
      engine.watch([{ key: "a" }], { keepAlive: false }).next();
      await engine.get("a");`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program(body)], { stdio: "inherit" });
    t.after(() => child.kill("SIGKILL"));
    const begun = performance.now();
    assert.deepEqual(await once(child, "exit"), [0, null]);
    assert.ok(performance.now() - begun < 5000);
  });
});
