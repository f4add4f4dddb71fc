import * as assert from "node:assert/strict";
import { test } from "node:test";
import { etcdMissing, startEtcdCluster } from "../fixtures/servers/etcd-server.ts";
import { recordHistory } from "../linearizability/crew.ts";
import { DisturbedServers } from "../linearizability/disturbed-servers.ts";
import { checkRegisters, explain } from "../linearizability/history/register.ts";

test("a minute of histories on three etcd members that are cut off, stopped and killed: linearizable", {
  skip: etcdMissing,
}, async (t) => {
  const cluster = await DisturbedServers.of(await startEtcdCluster());
  t.after(() => cluster.stop());
  const seed = Date.now() % 100_000;
  const targets = [{ kind: "etcd", url: `etcd://${cluster.addresses}/history` }] as const;
  const recording = recordHistory({ targets, seed, duration: 60_000, processes: 6, killEvery: 1000, outlives: true });
  await cluster.disturb(seed, 1500, recording);
  const { operations, kills } = await recording;
  const verdict = checkRegisters(operations);
  assert.ok(verdict.linearizable, `seed ${seed}: ${explain(verdict)}`);
  const unknown = operations.filter((operation) => operation.unknown).length;
  t.diagnostic(
    JSON.stringify({ operations: operations.length, unknown, clientsKilled: kills, faults: cluster.faults }),
  );
  assert.ok(operations.length > 1000, `${operations.length} operations`);
});
