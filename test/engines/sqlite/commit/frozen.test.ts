import { test } from "node:test";
import { freeze, noTrials } from "./frozen-trials.ts";

test("a writer that is stopped in mid-write costs the others a StoreError at their time-out", { skip: noTrials }, (t) =>
  freeze(t, 20),
);
