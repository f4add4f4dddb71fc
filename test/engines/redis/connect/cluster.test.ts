import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { freePort, type RedisServer, redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";

const set = (key: string, value = "1", more: { session?: string } = {}) =>
  ({ type: "set", key, value, ...more }) as const;

async function done(server: RedisServer, command: string): Promise<string> {
  const reply = await server.command(command);
  assert.doesNotMatch(reply, /^-/, command);
  return reply.trim().replace(/^[$:+].*?\r\n/, "");
}

async function answers(t: TestContext, server: RedisServer, command: string, what: RegExp): Promise<void> {
  while (!what.test(await server.command(command))) {
    t.signal.throwIfAborted();
    await sleep(20);
  }
}

test("a cluster of two: the store is found, and followed when it moves", {
  skip: redisMissing,
  timeout: 60_000,
}, async (t) => {
  const node = async () =>
    startRedis(
      "--cluster-enabled",
      "yes",
      "--cluster-port",
      `${await freePort()}`,
      "--cluster-require-full-coverage",
      "no",
    );
  const servers = [await node(), await node()] as const;
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  const [from, to] = servers;
  const slot = Number((await from.command("CLUSTER KEYSLOT {ipctools}")).slice(1));
  assert.ok(slot > 0 && slot < 16383, `${slot}`);
  // The store's slot is the second's.
  await done(to, `CLUSTER ADDSLOTSRANGE ${slot} 16383`);
  await done(from, `CLUSTER ADDSLOTSRANGE 0 ${slot - 1}`);
  const ports = await done(to, "CLUSTER MYID");
  const bus = /@(\d+)/.exec(await to.command("CLUSTER NODES"))![1];
  await done(from, `CLUSTER MEET 127.0.0.1 ${to.port} ${bus}`);
  for (const server of servers)
    await answers(t, server, "CLUSTER INFO", /cluster_state:ok[\s\S]*cluster_known_nodes:2/);
  for (const server of servers) await answers(t, server, "CLUSTER SLOTS", new RegExp(`:${slot}\\b[\\s\\S]*${ports}`));

  const engine = await openRedisEngine(`redis://${from.address}`);
  t.after(() => engine.close());
  const { details } = await engine.info();
  assert.deepEqual([details.endpoint, details.cluster], [to.address, true]);
  const session = await engine.openSession();
  await engine.commit({ mutations: [set("held", "1", { session: session.id }), set("k0")] });
  const watch = engine.watch([{ prefix: "k" }]);
  const reported: string[] = [];
  const watching = (async () => {
    for await (const changes of watch) {
      for (const { key } of changes) reported.push(key);
      if (reported.includes("k last")) return;
    }
  })();

  // The slot moves while the store is written to, as `redis-cli --cluster reshard` moves it.
  const ids = [await done(from, "CLUSTER MYID"), await done(to, "CLUSTER MYID")] as const;
  await done(from, `CLUSTER SETSLOT ${slot} IMPORTING ${ids[1]}`);
  await done(to, `CLUSTER SETSLOT ${slot} MIGRATING ${ids[0]}`);
  const written: string[] = [];
  let isMoving = true;
  const writing = (async () => {
    for (let i = 1; isMoving || i < 20; i++) {
      await engine.commit({ mutations: [set(`k${i}`)] }, { timeout: 20_000 });
      written.push(`k${i}`);
      await sleep(5);
    }
  })();
  for (;;) {
    const keys = (await to.command(`CLUSTER GETKEYSINSLOT ${slot} 100`))
      .split("\r\n")
      .filter((line) => line.startsWith("{"));
    if (keys.length === 0) break;
    await done(to, `MIGRATE 127.0.0.1 ${from.port} "" 0 5000 KEYS ${keys.join(" ")}`);
  }
  for (const server of servers) await done(server, `CLUSTER SETSLOT ${slot} NODE ${ids[0]}`);
  isMoving = false;
  await writing;
  await engine.commit({ mutations: [set("k last")] });
  await watching;
  assert.equal((await engine.info()).details.endpoint, from.address);
  const kept = (await engine.list({ prefix: "k" })).entries.map(({ key }) => key);
  assert.deepEqual(kept.sort(), ["k0", ...written, "k last"].sort());
  assert.deepEqual(
    [...written, "k last"].filter((key) => !reported.includes(key)),
    [],
  );
  assert.equal(session.signal.aborted, false);
  assert.equal((await engine.get("held"))?.session, session.id);
});
