import * as assert from "node:assert/strict";
import { test } from "node:test";
import { etcdMissing, startEtcd } from "../fixtures/servers/etcd-server.ts";
import { recordHistory } from "./crew.ts";
import { DisturbedServers } from "./disturbed-servers.ts";
import { checkRegisters, explain } from "./history/register.ts";

test("an etcd that is cut off, stopped and killed, and so are its clients: linearizable", {
  skip: etcdMissing,
}, async (t) => {
  const cluster = await DisturbedServers.of([await startEtcd()]);
  t.after(() => cluster.stop());
  const seed = Date.now() % 100_000;
  const targets = [{ kind: "etcd", url: `etcd://${cluster.addresses}/history` }] as const;
  const recording = recordHistory({ targets, seed, duration: 4000, processes: 4, killEvery: 600, outlives: true });
  await cluster.disturb(seed, 200, recording);
  const { operations } = await recording;
  const verdict = checkRegisters(operations);
  assert.ok(verdict.linearizable, `seed ${seed}: ${explain(verdict)}`);
  t.diagnostic(JSON.stringify({ operations: operations.length, ...cluster.faults }));
  assert.ok(operations.length > 50, `${operations.length} operations`);
});
