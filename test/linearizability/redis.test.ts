import { test } from "node:test";
import { redisMissing, startRedis } from "../fixtures/servers/redis-server.ts";
import { checkDisturbedHistory } from "./disturbed-history.ts";

test("a Redis with its append-only file that is cut off, stopped and killed, and so are its clients: linearizable", {
  skip: redisMissing,
}, async (t) => {
  await checkDisturbedHistory(t, [await startRedis("--appendonly", "yes", "--appendfsync", "always")], {
    target: (addresses, name) => ({ kind: "redis", url: `redis://${addresses}?prefix=${name}` }),
    ...{ duration: 4000, processes: 4, killEvery: 600, outage: 200, least: 50 },
  });
});
