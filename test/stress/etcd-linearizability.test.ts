import { test } from "node:test";
import { etcdMissing, startEtcdCluster } from "../fixtures/servers/etcd-server.ts";
import { checkDisturbedHistory } from "../linearizability/disturbed-history.ts";

test("40 seconds of histories on three etcd members that are cut off, stopped and killed: linearizable", {
  skip: etcdMissing,
}, async (t) => {
  await checkDisturbedHistory(t, await startEtcdCluster(), {
    target: (addresses, name) => ({ kind: "etcd", url: `etcd://${addresses}/${name}` }),
    ...{ duration: 40_000, processes: 6, killEvery: 1000, outage: 1500, least: 600 },
  });
});
