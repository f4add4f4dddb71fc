import test from "node:test";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { contendUnderFaults } from "../../../fixtures/contest-under-faults.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";

test("no lock is held twice by holders whose signal has not fired, whatever the network does", {
  skip: redisMissing,
  timeout: 60_000,
}, async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const open = (port: number) => openRedisEngine(`redis://127.0.0.1:${port}`);
  await contendUnderFaults(t, { port: server.port, open, ttl: 1500 });
});
