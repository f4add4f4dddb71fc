import * as assert from "node:assert/strict";
import { test } from "node:test";
import { recordHistory } from "./crew.ts";
import { checkRegisters, explain } from "./history/register.ts";
import { waysTo, withStoreFile } from "./store-file.ts";

test("eight processes on one file, by every way to it, some of them killed: linearizable", async () => {
  await withStoreFile(async (file) => {
    const seed = Date.now() % 100_000;
    const crew = { targets: waysTo(file), seed, duration: 2000, killEvery: 120 };
    const { operations, kills } = await recordHistory(crew);
    const verdict = checkRegisters(operations);
    assert.ok(verdict.linearizable, `seed ${seed}: ${explain(verdict)}`);
    assert.ok(operations.length > 300 && kills > 0, `${operations.length} operations, ${kills} kills`);
  });
});
