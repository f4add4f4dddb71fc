import * as crypto from "node:crypto";
import { test } from "node:test";
import { redisMissing, startRedis } from "../fixtures/servers/redis-server.ts";
import { everyVerb } from "./every-verb.ts";

if (redisMissing) test("every verb on redis", { skip: redisMissing }, () => {});
else {
  const server = await startRedis();
  test.after(() => server.stop());
  everyVerb("redis", () => `redis://${server.address}?prefix=${crypto.randomUUID()}`);
}
