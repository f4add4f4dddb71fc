import { test } from "node:test";
import { freeze, noTrials } from "../../engines/sqlite/commit/frozen-trials.ts";

test(
  "a writer that is stopped in mid-write costs the others a StoreError at their time-out, 100 times",
  {
    skip: noTrials,
    timeout: 300_000,
  },
  (t) => freeze(t, 100),
);
