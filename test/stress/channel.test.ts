import { test } from "node:test";
import { broadcast } from "../coordination/channel/broadcast.ts";

for (const round of [1, 2])
  test(`every listener gets everything in one order, while others are killed (${round})`, async (t) => {
    await broadcast(t, { members: 6, doomed: 4, count: 1000 });
  });
