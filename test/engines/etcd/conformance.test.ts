import * as crypto from "node:crypto";
import test from "node:test";
import { engineConformance } from "../../../conformance/index.ts";
import { openEtcdEngine } from "../../../src/engines/etcd/engine.ts";
import { etcdMissing, startEtcd } from "../../fixtures/servers/etcd-server.ts";

if (etcdMissing) test("the etcd engine", { skip: etcdMissing }, () => {});
else {
  const server = await startEtcd();
  test.after(() => server.stop());
  engineConformance({
    name: "etcd",
    async open() {
      const url = `etcd://${server.address}/${crypto.randomUUID()}`;
      const engine = await openEtcdEngine(url);
      return {
        engine,
        another: () => openEtcdEngine(url),
        async forget() {
          await server.etcdctl("compact", String((await engine.list({})).version));
        },
        cleanup: () => engine.close(),
      };
    },
  });
}
