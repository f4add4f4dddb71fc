import * as assert from "node:assert/strict";
import { test } from "node:test";
import { redisMissing, startRedis } from "../fixtures/servers/redis-server.ts";
import { recordHistory } from "./crew.ts";
import { DisturbedServers } from "./disturbed-servers.ts";
import { checkRegisters, explain } from "./history/register.ts";

test("a Redis with its append-only file that is cut off, stopped and killed, and so are its clients: linearizable", {
  skip: redisMissing,
}, async (t) => {
  const servers = await DisturbedServers.of([await startRedis("--appendonly", "yes", "--appendfsync", "always")]);
  t.after(() => servers.stop());
  const seed = Date.now() % 100_000;
  const targets = [{ kind: "redis", url: `redis://${servers.addresses}?prefix=history` }] as const;
  const recording = recordHistory({ targets, seed, duration: 4000, processes: 4, killEvery: 600, outlives: true });
  await servers.disturb(seed, 200, recording);
  const { operations } = await recording;
  const verdict = checkRegisters(operations);
  assert.ok(verdict.linearizable, `seed ${seed}: ${explain(verdict)}`);
  t.diagnostic(JSON.stringify({ operations: operations.length, ...servers.faults }));
  assert.ok(operations.length > 50, `${operations.length} operations`);
});
