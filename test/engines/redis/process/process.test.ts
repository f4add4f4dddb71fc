import assert from "node:assert/strict";
import * as crypto from "node:crypto";
import * as path from "node:path";
import test from "node:test";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { ended, message, signal, start } from "../../../fixtures/child.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";
import { type TcpProxy, tcpProxy } from "../../../fixtures/servers/tcp-proxy.ts";

const HOLDER = path.join(import.meta.dirname, "holder.ts");
const ASKER = path.join(import.meta.dirname, "asker.ts");
const LEAVER = path.join(import.meta.dirname, "leaver.ts");
const CUT = (proxy: TcpProxy) => proxy.cut();
const TTL = 1000;
/** What a busy machine and the sweep may add, in milliseconds. */
const SLACK = 1000;

test("processes on Redis", { skip: redisMissing, concurrency: 3, timeout: 60_000 }, async (suite) => {
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
      signal(holder, "SIGSTOP");
      const stopped = performance.now();
      const [change] = (await gone.next()).value;
      const waited = performance.now() - stopped;
      assert.equal(change.type, "delete");
      assert.ok(waited < TTL + SLACK, `the others waited ${waited} ms`);
      await engine.commit({ mutations: [{ type: "set", key: "held", value: "heir" }] });
      await new Promise((resolve) => setTimeout(resolve, 2 * TTL - (performance.now() - stopped)));
      signal(holder, "SIGCONT");
      const report = await message<{ code: string; turns: number; late: boolean }>(holder);
      assert.deepEqual(
        { ...report, turns: report.turns <= 2 },
        { code: "ERR_STORE_SESSION_LOST", turns: true, late: false },
      );
      assert.equal(await engine.get("protected"), undefined);
      await gone.return?.();
    },
  );

  suite.test("stopped with its questions on their way: it knows of its loss before it has any answer", async (t) => {
    const ttl = 2000;
    const prefix = "asking";
    const proxy = await tcpProxy(server.port);
    t.after(() => proxy.close());
    const asker = start(t, ASKER, `redis://127.0.0.1:${proxy.port}?prefix=${prefix}`, String(ttl));
    assert.equal(await message(asker), "holding");
    const engine = await openRedisEngine(`redis://${server.address}?prefix=${prefix}`);
    t.after(() => engine.close());
    const changes = engine.watch([{ key: "held" }, { key: "asked" }]);
    // The server answers, but the answers come when the process stands still.
    proxy.stall("down");
    const begun = performance.now();
    asker.send("ask");
    assert.equal(await message(asker), "asked");
    signal(asker, "SIGSTOP");
    const reported: string[] = [];
    const report = async (what: string) => {
      while (!reported.includes(what))
        for (const { type, key } of (await changes.next()).value) reported.push(`${type} ${key}`);
    };
    await report("set asked");
    proxy.heal();
    await report("delete held");
    await engine.commit({ mutations: [{ type: "set", key: "held", value: "heir" }] });
    await new Promise((resolve) => setTimeout(resolve, 2 * ttl - (performance.now() - begun)));
    signal(asker, "SIGCONT");
    assert.deepEqual(await message(asker), {
      code: "ERR_STORE_SESSION_LOST",
      answers: { get: true, list: true, read: true, write: true },
      late: false,
    });
    assert.equal(await engine.get("protected"), undefined);
    await changes.return?.();
  });

  suite.test("a process that is killed: its entries go after the time to live, once for all who watch", async (t) => {
    const url = `redis://${server.address}?prefix=killed`;
    const holder = start(t, HOLDER, url, String(TTL));
    await message(holder);
    const engines = await Promise.all([1, 2, 3].map(() => openRedisEngine(url)));
    t.after(() => Promise.all(engines.map((engine) => engine.close())));
    const watches = engines.map((engine) => engine.watch([{}]));
    signal(holder, "SIGKILL");
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

  const FAULTS: readonly (readonly [name: string, host: string, fault: (proxy: TcpProxy) => unknown, code: string])[] =
    [
      ["nothing", "127.0.0.1", () => {}, "made"],
      ["a name whose first address does not answer", "several", () => {}, "made"],
      ["a cut", "127.0.0.1", CUT, "made"],
      ["no more connections", "127.0.0.1", (proxy) => proxy.refuse(), "ERR_STORE_UNAVAILABLE"],
      ["silence", "127.0.0.1", (proxy) => proxy.stall(), "ERR_STORE_OUTCOME_UNKNOWN"],
      ["silence towards the server", "127.0.0.1", (proxy) => proxy.stall("up"), "ERR_STORE_OUTCOME_UNKNOWN"],
      ["silence towards the client", "127.0.0.1", (proxy) => proxy.stall("down"), "ERR_STORE_OUTCOME_UNKNOWN"],
      ["connections that died for good", "127.0.0.1", (proxy) => proxy.freeze(), "ERR_STORE_OUTCOME_UNKNOWN"],
    ];
  for (const [name, host, fault, code] of FAULTS)
    suite.test(`${name}: a process that has nothing left to do ends by itself`, async (t) => {
      const proxy = await tcpProxy(server.port);
      t.after(() => proxy.close());
      const leave = async (manner: string) => {
        const url = `redis://${host}:${proxy.port}?prefix=${crypto.randomUUID()}`;
        const child = start(t, LEAVER, url, manner, code === "made" ? "5000" : "300");
        assert.equal(await message(child), "ready");
        return child;
      };
      const children = [await leave("close"), await leave("leave")];
      await fault(proxy);
      for (const child of children) child.send("broken");
      await Promise.all(
        children.map(async (child) => {
          const answer = await message<string>(child);
          const told = performance.now();
          // A loss that is not noticed yet: the commit may have been on its way.
          assert.equal(fault === CUT && answer === "ERR_STORE_OUTCOME_UNKNOWN" ? code : answer, code);
          await ended(child);
          assert.equal(child.exitCode, 0);
          const took = performance.now() - told;
          assert.ok(took < 1000, `its end took ${took} ms`);
        }),
      );
    });
});
