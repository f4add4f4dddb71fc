import * as assert from "node:assert/strict";
import { test } from "node:test";
import { closedError } from "../../../src/engine/standard-errors.ts";
import { redisSessions } from "../../../src/engines/redis/sessions.ts";

test("a session on Redis counts as lost before its time on the server is over", async (t) => {
  const sessions = redisSessions(async () => 1);
  const { now } = Date;
  t.after(() => {
    Date.now = now;
  });
  const ttl = 60_000;
  const session = await sessions.open({ ttl });
  const advanceTo = (time: number) => {
    Date.now = () => now() + time;
    sessions.expireOverdue();
  };
  advanceTo(ttl / 2);
  assert.equal(session.signal.aborted, false);
  // A twentieth is the least that clocks and networks may take.
  advanceTo(ttl * 0.95);
  assert.equal(session.signal.reason?.code, "ERR_STORE_SESSION_LOST");
  await sessions.close(closedError("store"));
});
