import * as assert from "node:assert/strict";
import { fork } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { TestContext } from "node:test";
import { message } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

/** How long all mutants of one process may take, in milliseconds. After that, one of the calls hangs. */
const PATIENCE = 100_000;

/** Calls everything on mutants of a store, in a process of its own, which a crash or a hang ends. */
export async function fuzz(t: TestContext, first: number, count: number, patience = PATIENCE): Promise<void> {
  const progress = path.join(temporaryFolder(t), "progress");
  const child = fork(path.join(import.meta.dirname, "fuzz-child.ts"), [String(first), String(count), progress], {
    execArgv: [],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), patience);
  try {
    const { complaints, codes } = await message<{ complaints: string[]; codes: Record<string, number> }>(child);
    t.diagnostic(JSON.stringify(codes));
    assert.deepEqual(complaints, []);
    assert.ok(codes.ERR_STORE_DAMAGED! > count / 4, "hardly any mutant was damaged");
    assert.ok(codes.right! > count, "hardly any call succeeded");
  } catch (error) {
    (error as Error).message += ` (last: ${fs.readFileSync(progress, "utf8")})`;
    throw error;
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}
