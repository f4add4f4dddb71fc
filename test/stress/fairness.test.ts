import * as assert from "node:assert/strict";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { message, start } from "../fixtures/child.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const WRITERS = 8;
const DURATION = 3000;

const PROGRAMS = { synchronous: "contender.ts", asynchronous: "async-contender.ts" };

for (const [kind, file] of Object.entries(PROGRAMS))
  test(`${WRITERS} ${kind} writers in a loop are served alike, and none waits for long`, (t) => contend(t, file));

async function contend(t: TestContext, name: string): Promise<void> {
  const file = path.join(temporaryFolder(t), "store.db");
  const program = path.join(import.meta.dirname, "../engines/sqlite/commit", name);
  const writers = Array.from({ length: WRITERS }, (_, i) => start(t, program, file, String(i), String(DURATION)));
  await Promise.all(writers.map((writer) => message(writer)));
  const results = writers.map((writer) => message<{ served: number; longest: number }>(writer));
  for (const writer of writers) writer.send("begin");
  const all = await Promise.all(results);
  const served = all.map((one) => one.served);
  const longest = Math.max(...all.map((one) => one.longest));
  const ratio = Math.min(...served) / Math.max(...served);
  t.diagnostic(`served ${served.join(" ")}; least/most ${ratio.toFixed(2)}; longest wait ${longest.toFixed(0)} ms`);
  assert.ok(ratio >= 0.5, `least/most served is ${ratio}`);
  assert.ok(longest <= 500, `somebody waited ${longest} ms`);
}
