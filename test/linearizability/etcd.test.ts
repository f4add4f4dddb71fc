import { test } from "node:test";
import { etcdMissing, startEtcd } from "../fixtures/servers/etcd-server.ts";
import { checkDisturbedHistory } from "./disturbed-history.ts";

test("an etcd that is cut off, stopped and killed, and so are its clients: linearizable", {
  skip: etcdMissing,
}, async (t) => {
  await checkDisturbedHistory(t, [await startEtcd()], {
    target: (addresses, name) => ({ kind: "etcd", url: `etcd://${addresses}/${name}` }),
    ...{ duration: 4000, processes: 4, killEvery: 600, outage: 200, least: 50 },
  });
});
