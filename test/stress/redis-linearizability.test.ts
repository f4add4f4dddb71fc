import { test } from "node:test";
import { redisMissing, startRedis } from "../fixtures/servers/redis-server.ts";
import { checkDisturbedHistory } from "../linearizability/disturbed-history.ts";

test("30 seconds of histories on a Redis with its append-only file, under faults: linearizable", {
  skip: redisMissing,
}, async (t) => {
  await checkDisturbedHistory(t, [await startRedis("--appendonly", "yes", "--appendfsync", "always")], {
    target: (addresses, name) => ({ kind: "redis", url: `redis://${addresses}?prefix=${name}` }),
    ...{ duration: 30_000, processes: 4, killEvery: 600, outage: 200, least: 50 },
  });
});
