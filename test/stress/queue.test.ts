import { test } from "node:test";
import { workThrough } from "../coordination/queue/work-through.ts";

test("each job is done, and acknowledged exactly once, while workers are killed", (t) =>
  workThrough(t, { jobs: 4000, workers: 6, doomed: Array.from({ length: 24 }, (_, i) => 1 + ((i * 7) % 40)) }));
