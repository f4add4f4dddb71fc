import { test } from "node:test";
import { broadcast } from "../coordination/channel/broadcast.ts";

test("every listener gets everything in one order, while others are killed", (t) =>
  broadcast(t, { members: 6, doomed: 6, count: 1000 }));
