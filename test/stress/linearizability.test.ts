import * as assert from "node:assert/strict";
import { test } from "node:test";
import { recordHistory } from "../linearizability/crew.ts";
import { checkRegisters, explain } from "../linearizability/history/register.ts";
import { waysTo, withStoreFile } from "../linearizability/store-file.ts";

const ROUNDS = 8;

test("a minute of histories on store files, under hundreds of kills: linearizable", async (context) => {
  const total = { operations: 0, kills: 0, unknown: 0 };
  for (let round = 0; round < ROUNDS; round++)
    await withStoreFile(async (file) => {
      const seed = (Date.now() + round) % 100_000;
      // Now one way alone, now all of them on one file.
      const ways = waysTo(file);
      const targets = round % 4 < ways.length ? [ways[round % 4]!] : ways;
      const { operations, kills } = await recordHistory({ targets, seed, duration: 7500, killEvery: 80 });
      const verdict = checkRegisters(operations);
      assert.ok(verdict.linearizable, `seed ${seed}: ${explain(verdict)}`);
      total.operations += operations.length;
      total.kills += kills;
      total.unknown += operations.filter((operation) => operation.unknown).length;
    });
  context.diagnostic(JSON.stringify(total));
  assert.ok(total.kills > 100 && total.unknown > 50, JSON.stringify(total));
});
