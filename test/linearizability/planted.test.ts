import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { recordHistory } from "./crew.ts";
import { checkRegisters, explain } from "./history/register.ts";
import type { Fault } from "./targets/planted.ts";

/* The whole way, from processes to verdict, on stores that are known to be right or wrong: what passes here can fail. */

async function verdictOn(fault: Fault, { seed = 1, killEvery }: { seed?: number; killEvery?: number } = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-planted-"));
  try {
    const target = { kind: "planted", path: path.join(directory, "planted.db"), fault } as const;
    const recording = await recordHistory({
      targets: [target],
      seed,
      duration: 700,
      processes: 4,
      ...(killEvery && { killEvery }),
    });
    return { ...recording, verdict: checkRegisters(recording.operations) };
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

test("the histories of a right store are accepted, kills included", async () => {
  const { operations, kills, verdict } = await verdictOn("none", { killEvery: 150 });
  assert.ok(verdict.linearizable, explain(verdict));
  assert.ok(operations.length > 300 && kills > 0, `${operations.length} operations, ${kills} kills`);
});

/** A fault shows only where processes meet in it, which on a busy machine they may not do within one recording. */
const RECORDINGS = 10;

for (const fault of ["stale-read", "lost-update", "double-create"] as const)
  test(`the histories of a store with a planted fault are rejected: ${fault}`, async () => {
    let accepted = 0;
    for (let seed = 1; seed <= RECORDINGS; seed++) {
      const { operations, verdict } = await verdictOn(fault, { seed });
      if (!verdict.linearizable) return;
      accepted += operations.length;
    }
    assert.fail(`${accepted} operations of ${RECORDINGS} recordings were accepted`);
  });
