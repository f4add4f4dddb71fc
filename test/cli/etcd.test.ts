import * as crypto from "node:crypto";
import { test } from "node:test";
import { etcdMissing, startEtcd } from "../fixtures/servers/etcd-server.ts";
import { everyVerb } from "./every-verb.ts";

if (etcdMissing) test("every verb on etcd", { skip: etcdMissing }, () => {});
else {
  const server = await startEtcd();
  test.after(() => server.stop());
  everyVerb("etcd", () => `etcd://${server.address}/${crypto.randomUUID()}`);
}
