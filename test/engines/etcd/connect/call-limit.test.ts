import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CallLimit } from "../../../../src/engines/etcd/connect/call-limit.ts";
import { openEtcdEngine } from "../../../../src/engines/etcd/engine.ts";
import { etcdMissing, startEtcd } from "../../../fixtures/servers/etcd-server.ts";
import { tcpProxy } from "../../../fixtures/servers/tcp-proxy.ts";

const patient = { timeout: 60_000, keepAlive: true };

describe("CallLimit", () => {
  test("start() lets this many calls run, and the others in the order in which they came", async () => {
    const limit = new CallLimit(2);
    assert.equal(limit.start(patient), true);
    assert.equal(limit.start(patient), true);
    const order: number[] = [];
    const waits = [1, 2, 3].map(async (n) => {
      assert.equal(await limit.start(patient), true);
      order.push(n);
    });
    limit.finish(true);
    await waits[0];
    assert.deepEqual(order, [1]);
    limit.finish(false);
    await waits[1];
    limit.finish(true);
    await waits[2];
    assert.deepEqual(order, [1, 2, 3]);
    limit.finish(true);
    limit.finish(true);
    assert.equal(limit.start(patient), true);
    assert.equal(limit.start(patient), true);
    assert.notEqual(limit.start({ timeout: 1, keepAlive: true }), true);
  });

  test("start() gives up after its timeout without any answer, and not sooner", async () => {
    const limit = new CallLimit(1);
    limit.start(patient);
    const begun = performance.now();
    const first = limit.start({ timeout: 100, keepAlive: true });
    const last = limit.start({ timeout: 100, keepAlive: true });
    await new Promise((resolve) => setTimeout(resolve, 60));
    const answered = performance.now();
    limit.finish(true);
    assert.equal(await first, true);
    assert.equal(await last, false);
    assert.ok(performance.now() - answered >= 99, `after ${performance.now() - begun} ms`);
    limit.finish(false);
    assert.equal(limit.start(patient), true);
  });

  test("start() ends with its signal, and its call does not count", async () => {
    const limit = new CallLimit(1);
    limit.start(patient);
    const stop = new AbortController();
    const wait = limit.start({ ...patient, signal: stop.signal });
    const reason = new Error("enough");
    stop.abort(reason);
    await assert.rejects(async () => wait, reason);
    limit.finish(true);
    assert.equal(limit.start(patient), true);
  });
});

describe("very many calls at once", { skip: etcdMissing }, () => {
  test("are all made; when the server falls silent each ends in its time; closing ends them at once", async (t) => {
    const server = await startEtcd();
    t.after(() => server.stop());
    const proxy = await tcpProxy(server.port);
    t.after(() => proxy.close());
    const engine = await openEtcdEngine(`etcd://${proxy.host}:${proxy.port}/many?timeout=2000`);
    t.after(() => engine.close());
    // etcd itself refuses writes when 5,000 wait to be applied.
    const write = async (n: number) => engine.commit({ mutations: [{ type: "set", key: `k${n}`, value: "1" }] });
    const all = await Promise.all(Array.from({ length: 6000 }, (_, n) => write(n)));
    assert.equal(new Set(all.map(({ version }) => version)).size, 6000);

    proxy.stall();
    const begun = performance.now();
    const ends = await Promise.allSettled(Array.from({ length: 1000 }, (_, n) => write(n)));
    const took = performance.now() - begun;
    const codes = ends.map((end) => (end.status === "rejected" ? end.reason.code : "done"));
    assert.deepEqual([...new Set(codes)].sort(), ["ERR_STORE_OUTCOME_UNKNOWN", "ERR_STORE_UNAVAILABLE"]);
    assert.ok(codes.filter((code) => code === "ERR_STORE_OUTCOME_UNKNOWN").length <= 256);
    assert.ok(took < 6000, `${took} ms`);
    proxy.heal();

    assert.equal((await write(1)).ok, true);
    proxy.stall();
    const rest = Promise.allSettled(Array.from({ length: 1000 }, (_, n) => write(n)));
    await engine.close();
    for (const end of await rest)
      assert.match(
        end.status === "rejected" ? end.reason.code : "done",
        /^(ERR_STORE_CLOSED|ERR_STORE_OUTCOME_UNKNOWN)$/,
      );
    proxy.heal();
  });
});
