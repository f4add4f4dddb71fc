import * as crypto from "node:crypto";
import test from "node:test";
import { engineConformance } from "../../../conformance/index.ts";
import { openRedisEngine } from "../../../src/engines/redis/engine.ts";
import { redisMissing, startRedis } from "../../fixtures/servers/redis-server.ts";

if (redisMissing) test("the redis engine", { skip: redisMissing }, () => {});
else {
  const server = await startRedis();
  test.after(() => server.stop());
  engineConformance({
    name: "redis",
    async open() {
      const prefix = crypto.randomUUID();
      const url = `redis://${server.address}?prefix=${prefix}`;
      const engine = await openRedisEngine(url);
      return {
        engine,
        another: () => openRedisEngine(url),
        async forget() {
          await server.command(`XTRIM {${prefix}}:log MAXLEN 0`);
        },
        cleanup: () => engine.close(),
      };
    },
  });
}
