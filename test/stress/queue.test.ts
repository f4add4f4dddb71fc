import { test } from "node:test";
import { workThrough } from "../coordination/queue/work-through.ts";

for (const round of [1, 2])
  test(`each job is done, and acknowledged exactly once, while workers are killed (${round})`, async (t) => {
    await workThrough(t, { jobs: 3000, workers: 6, doomed: Array.from({ length: 18 }, (_, i) => 1 + ((i * 7) % 40)) });
  });
