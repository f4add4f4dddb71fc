import test from "node:test";
import { openEtcdEngine } from "../../../src/engines/etcd/engine.ts";
import { contendUnderFaults } from "../../fixtures/contest-under-faults.ts";
import { etcdMissing, startEtcd } from "../../fixtures/servers/etcd-server.ts";

test("no lock is held twice by holders whose signal has not fired, whatever the network does", {
  skip: etcdMissing,
  timeout: 60_000,
}, async (t) => {
  const server = await startEtcd();
  t.after(() => server.stop());
  const open = (port: number) => openEtcdEngine(`etcd://127.0.0.1:${port}/locks`);
  await contendUnderFaults(t, { port: server.port, open, ttl: 2000 });
});
