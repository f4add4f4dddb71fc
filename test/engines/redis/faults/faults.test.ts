import assert from "node:assert/strict";
import * as crypto from "node:crypto";
import { once } from "node:events";
import test, { type TestContext } from "node:test";
import type { Engine } from "../../../../src/engine/contract.ts";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { elapsed } from "../../../fixtures/elapsed.ts";
import { follow } from "../../../fixtures/follow.ts";
import { cutAgainAndAgain } from "../../../fixtures/servers/cut-again-and-again.ts";
import { type RedisServer, redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";
import { tcpProxy } from "../../../fixtures/servers/tcp-proxy.ts";
import { until } from "../../../fixtures/until.ts";

const set = (key: string, value = "1", more: { session?: string } = {}) =>
  ({ type: "set", key, value, ...more }) as const;

/** An engine through a proxy to the server, and one beside it. */
async function arrange(t: TestContext, server: RedisServer) {
  const prefix = crypto.randomUUID();
  const proxy = await tcpProxy(server.port);
  const engines: Engine[] = [];
  t.after(async () => {
    proxy.heal();
    await proxy.accept();
    for (const engine of engines) await engine.close();
    await proxy.close();
  });
  const open = async (address: string) => {
    const engine = await openRedisEngine(`redis://${address}?prefix=${prefix}`);
    engines.push(engine);
    return engine;
  };
  const engine = await open(`${proxy.host}:${proxy.port}`);
  const beside = await open(server.address);
  return { engine, beside, proxy, prefix };
}

test("Redis under faults", { skip: redisMissing, concurrency: 4, timeout: 40_000 }, async (suite) => {
  const server = await startRedis();
  suite.after(() => server.stop());

  suite.test("connections that are cut again and again: a watch misses nothing and repeats nothing", async (t) => {
    const { engine, beside, proxy } = await arrange(t, server);
    await cutAgainAndAgain(engine, beside, proxy);
  });

  suite.test("no connection: a write was not made, says so in its time, and works afterwards", async (t) => {
    const { engine, beside, proxy } = await arrange(t, server);
    await proxy.refuse();
    // What only reads is repeated on a new connection: from here on the loss of the old one is known.
    const read = async () => engine.commit({ reads: [{ key: "a" }] }, { timeout: 200 });
    await assert.rejects(read, { code: "ERR_STORE_UNAVAILABLE" });
    const write = async (timeout: number) => engine.commit({ mutations: [set("a")] }, { timeout });
    const took = await elapsed(() =>
      assert.rejects(write(400), (error: Error & { code?: string; retryable?: boolean }) => {
        assert.deepEqual([error.code, error.retryable], ["ERR_STORE_UNAVAILABLE", true]);
        assert.match(error.message, /ECONNREFUSED/);
        return true;
      }),
    );
    assert.ok(took >= 390 && took < 1500, `${took} ms`);
    await proxy.accept();
    assert.equal(await beside.get("a"), undefined);
    assert.equal((await write(5000)).ok, true);
  });

  for (const direction of ["up", "down", undefined] as const)
    suite.test(`a dead direction (${direction ?? "both"}): a write that was sent has an unknown outcome`, async (t) => {
      const { engine, beside, proxy } = await arrange(t, server);
      await engine.commit({ mutations: [set("a")] });
      proxy.stall(direction);
      const read = assert.rejects(async () => engine.commit({ reads: [{ key: "a" }] }, { timeout: 400 }), {
        code: "ERR_STORE_UNAVAILABLE",
        retryable: true,
      });
      const took = await elapsed(() =>
        assert.rejects(async () => engine.commit({ mutations: [set("a", "2")] }, { timeout: 400 }), {
          code: "ERR_STORE_OUTCOME_UNKNOWN",
          retryable: false,
        }),
      );
      assert.ok(took >= 390 && took < 1500, `${took} ms`);
      await read;
      assert.equal((await beside.get("a"))?.value, direction === "down" ? "2" : "1");
      proxy.heal();
      await engine.commit({ mutations: [set("a", "3")] });
      assert.equal((await beside.get("a"))?.value, "3");
    });

  suite.test("a connection that has died for good: calls with short time-outs get another one", async (t) => {
    const { engine, beside, proxy } = await arrange(t, server);
    await engine.get("a");
    proxy.freeze();
    const begun = performance.now();
    for (let done = false; !done; ) {
      await beside.get("a");
      const write = async () => engine.commit({ mutations: [set("a")] }, { timeout: 100 });
      done = await write().then(
        ({ ok }) => ok,
        (error: { code?: string }) => {
          // Not sent: the new connection was not yet made when its time was up.
          assert.ok(["ERR_STORE_OUTCOME_UNKNOWN", "ERR_STORE_UNAVAILABLE"].includes(error.code!), error.code);
          return false;
        },
      );
      assert.ok(performance.now() - begun < 5000);
    }
  });

  suite.test("a call whose time is up costs the others their answers neither here nor there", async (t) => {
    const { engine, proxy } = await arrange(t, server);
    const session = await engine.openSession();
    const { version } = await engine.commit({ mutations: [set("a")] });
    proxy.stall("down");
    const write = engine.commit({ mutations: [set("a", "2")] }, { timeout: 20_000 });
    const read = engine.commit({ reads: [{ key: "a" }] }, { timeout: 20_000 });
    // The farewell waits for two seconds; after that calls to come take another connection.
    await session.close();
    const later = engine.commit({ mutations: [set("b")] }, { timeout: 20_000 });
    proxy.heal();
    assert.deepEqual([(await write).ok, (await later).ok], [true, true]);
    assert.ok((await write).version > version);
    assert.equal((await read).reads[0]![0]?.value, "2");
    // The old one is left when its last call has its answer.
    await until(() => proxy.connections === 1);
  });

  suite.test("silence: the session is lost before its time can end, and only then do its entries go", async (t) => {
    const { engine, beside, proxy } = await arrange(t, server);
    const ttl = 3000;
    const session = await engine.openSession({ ttl });
    const changes = beside.watch([{ key: "held" }]);
    await engine.commit({ mutations: [set("held", "1", { session: session.id })] });
    await changes.next();
    const gone = changes.next().then(() => performance.now());
    const begun = performance.now();
    proxy.stall();
    await once(session.signal, "abort");
    const lost = performance.now();
    assert.equal(session.signal.reason.code, "ERR_STORE_SESSION_LOST");
    assert.ok(lost - begun < ttl, `lost after ${lost - begun} ms`);
    assert.ok((await gone) > lost, "its entry went first");
    const late = { mutations: [set("late", "1", { session: session.id })] };
    await assert.rejects(async () => engine.commit(late), { code: "ERR_STORE_SESSION_LOST" });
    await changes.return?.();
  });

  suite.test("a commit that finds its session ended on the server loses the session, and no other one", async (t) => {
    const { engine, prefix } = await arrange(t, server);
    const [ended, lasting] = [await engine.openSession(), await engine.openSession()];
    await server.command(`ZREM {${prefix}}:due "session ${ended.id}"`);
    const both = { mutations: [set("a", "1", { session: lasting.id }), set("b", "1", { session: ended.id })] };
    await assert.rejects(async () => engine.commit(both), {
      code: "ERR_STORE_SESSION_LOST",
      message: new RegExp(ended.id),
    });
    assert.equal(ended.signal.reason.code, "ERR_STORE_SESSION_LOST");
    assert.equal(lasting.signal.aborted, false);
    assert.equal(await engine.get("a"), undefined);
  });

  suite.test("a slow network changes nothing but the time", async (t) => {
    const { engine, proxy } = await arrange(t, server);
    proxy.delay(100);
    const session = await engine.openSession({ ttl: 5000 });
    const changes = engine.watch([{ key: "a" }]);
    const { version } = await engine.commit({ mutations: [set("a", "1", { session: session.id })] });
    assert.equal((await changes.next()).value[0].version, version);
    await new Promise((resolve) => setTimeout(resolve, 5500));
    assert.equal(session.signal.aborted, false);
    assert.equal((await engine.get("a"))?.session, session.id);
    await changes.return?.();
  });

  suite.test("a server that forgot its scripts", async (t) => {
    const { engine, beside } = await arrange(t, server);
    await server.command("SCRIPT FLUSH");
    assert.equal((await engine.commit({ mutations: [set("a")] })).ok, true);
    assert.equal((await beside.get("a"))?.value, "1");
  });

  suite.test("a Redis that is killed and starts again on its append-only file", async (t) => {
    const server = await startRedis("--appendonly", "yes", "--appendfsync", "always");
    t.after(() => server.stop());
    const engine = await openRedisEngine(`redis://${server.address}`);
    t.after(() => engine.close());
    const session = await engine.openSession();
    await engine.commit({ mutations: [set("held", "1", { session: session.id })] });
    const acknowledged: string[] = [];
    const seen = follow(engine.watch([{ prefix: "k" }]), "k last");
    let unknown = 0;
    let newest = 0;
    let restarted: Promise<void> | undefined;
    for (let i = 0; i < 120; i++) {
      if (i === 40) restarted = server.kill().then(() => server.start());
      try {
        const { version } = await engine.commit({ mutations: [set(`k${i}`)] }, { timeout: 10_000 });
        assert.ok(version > newest, "versions grow, across the restart too");
        newest = version;
        acknowledged.push(`k${i}`);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "ERR_STORE_OUTCOME_UNKNOWN");
        unknown++;
      }
    }
    assert.ok(restarted);
    await restarted;
    await engine.commit({ mutations: [set("k last")] });
    const kept = (await engine.list({ prefix: "k" })).entries.map(({ key }) => key);
    assert.deepEqual(
      acknowledged.filter((key) => !kept.includes(key)),
      [],
    );
    assert.ok(unknown <= 1, `${unknown} unknown`);
    const reported = await seen;
    assert.deepEqual([...reported].sort(), [...kept].sort());
    assert.equal(session.signal.aborted, false);
    assert.equal((await engine.get("held"))?.session, session.id);
  });

  suite.test("a Redis that stands still for longer than a session", async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const engine = await openRedisEngine(`redis://${server.address}`);
    t.after(() => engine.close());
    const ttl = 3000;
    const session = await engine.openSession({ ttl });
    const { version } = await engine.commit({ mutations: [set("held", "1", { session: session.id })] });
    const begun = performance.now();
    server.pause();
    t.after(() => server.resume());
    await once(session.signal, "abort");
    assert.ok(performance.now() - begun < ttl);
    await new Promise((resolve) => setTimeout(resolve, 2 * ttl - (performance.now() - begun)));
    server.resume();
    const heir = await engine.openSession({ ttl });
    const mutations = [set("held", "2", { session: heir.id })];
    assert.equal((await engine.commit({ checks: [{ key: "held", version: 0 }], mutations })).ok, true);
    const late = await engine.commit({ checks: [{ key: "held", version }], mutations: [set("protected")] });
    assert.equal(late.ok, false);
  });
});
