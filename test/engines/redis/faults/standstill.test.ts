import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import test from "node:test";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";

const TTL = 1000;

test("a program that stands still for longer than its session lives knows of its loss before it has an answer", {
  skip: redisMissing,
  timeout: 20_000,
}, async (t) => {
  const server = await startRedis();
  const engine = await openRedisEngine(`redis://${server.address}`);
  const [first, other] = [net.connect(server.port, "127.0.0.1"), net.connect(server.port, "127.0.0.1")];
  t.after(async () => {
    for (const socket of [first, other]) socket.destroy();
    await engine.close();
    await server.stop();
  });
  await Promise.all([once(first, "connect"), once(other, "connect")]);
  // The server has the scripts after this.
  await engine.commit({ mutations: [{ type: "set", key: "b", value: "0" }] });
  const session = await engine.openSession({ ttl: TTL });
  // Input comes on another connection, then on the engine's: both are read in one turn, and no timer fires in between.
  const block = (time: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
  other.once("data", () => block(1.5 * TTL));
  first.write("PING\r\n");
  await once(first, "data");
  other.write("PING\r\n");
  block(50);
  const knew = [
    engine.get("a"),
    engine.list({}),
    engine.commit({ reads: [{ key: "a" }] }),
    engine.commit({ mutations: [{ type: "set", key: "b", value: "1" }] }),
  ].map(async (answer) => {
    await answer;
    return session.signal.aborted;
  });
  setImmediate(() => block(50));
  assert.deepEqual(await Promise.all(knew), [true, true, true, true]);
  assert.equal(session.signal.reason.code, "ERR_STORE_SESSION_LOST");
});
