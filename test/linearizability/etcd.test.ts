import * as assert from "node:assert/strict";
import { test } from "node:test";
import { etcdMissing, startEtcd } from "../fixtures/servers/etcd-server.ts";
import { recordHistory } from "./crew.ts";
import { DisturbedServers } from "./disturbed-servers.ts";
import { checkRegisters, explain } from "./history/register.ts";

/** How many operations are enough, and after how many milliseconds without so many no further recording begins. */
const ENOUGH = 50;
const LONGEST = 40_000;

test("an etcd that is cut off, stopped and killed, and so are its clients: linearizable", {
  skip: etcdMissing,
}, async (t) => {
  const cluster = await DisturbedServers.of([await startEtcd()]);
  t.after(() => cluster.stop());
  const seed = Date.now() % 100_000;
  const begun = performance.now();
  let count = 0;
  // On a busy machine one recording may hold few operations.
  for (let round = 0; count <= ENOUGH && performance.now() - begun < LONGEST; round++) {
    const targets = [{ kind: "etcd", url: `etcd://${cluster.addresses}/history${round}` }] as const;
    const crew = { targets, seed: seed + round, duration: 4000, processes: 4, killEvery: 600, outlives: true };
    const recording = recordHistory(crew);
    await cluster.disturb(crew.seed, 200, recording);
    const { operations } = await recording;
    const verdict = checkRegisters(operations);
    assert.ok(verdict.linearizable, `seed ${crew.seed}: ${explain(verdict)}`);
    count += operations.length;
  }
  t.diagnostic(JSON.stringify({ operations: count, ...cluster.faults }));
  assert.ok(count > ENOUGH, `${count} operations`);
});
