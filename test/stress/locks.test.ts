import { test } from "node:test";
import { contest } from "../coordination/locks/contest.ts";

test(
  "16 processes, 2,000 critical sections each, while they are killed at every point and at random",
  {
    timeout: 400_000,
  },
  (t) => contest(t, { processes: 16, sections: 2000, patience: 250, shots: 200, immortals: 0 }),
);
