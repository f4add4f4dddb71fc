import assert from "node:assert/strict";
import * as crypto from "node:crypto";
import test from "node:test";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";
import { tcpProxy } from "../../../fixtures/servers/tcp-proxy.ts";

const set = (value: string) => ({ mutations: [{ type: "set", key: "a", value } as const] });

test("a server that lost its newest commits", { skip: redisMissing, timeout: 30_000 }, async (suite) => {
  // As replication that lags behind does it: what came after the last snapshot is gone.
  const server = await startRedis("--appendonly", "no");
  suite.after(() => server.stop());

  for (const comeLate of [true, false])
    await suite.test(`a watch ends with a code, commits ${comeLate ? "made meanwhile" : "not yet made"}`, async (t) => {
      const prefix = crypto.randomUUID();
      const proxy = await tcpProxy(server.port);
      const watcher = await openRedisEngine(`redis://127.0.0.1:${proxy.port}?prefix=${prefix}`);
      const beside = await openRedisEngine(`redis://${server.address}?prefix=${prefix}`);
      t.after(async () => {
        await proxy.accept();
        await Promise.all([watcher.close(), beside.close()]);
        await proxy.close();
      });
      await beside.commit(set("kept"));
      await server.command("SAVE");
      const { version: from } = await watcher.list({});
      const watch = watcher.watch([{ key: "a" }], { from });
      const next = watch.next();
      const { version: lost } = await beside.commit(set("lost"));
      assert.equal((await next).value[0].version, lost);

      await proxy.refuse();
      await server.kill();
      await server.start();
      assert.equal((await beside.get("a"))?.value, "kept");
      // Versions are fencing tokens: none is given twice, not even one whose commit was lost.
      if (comeLate) assert.ok((await beside.commit(set("other"))).version > lost);
      await proxy.accept();
      await assert.rejects(watch.next(), { code: "ERR_STORE_HISTORY_LOST" });
    });
});
