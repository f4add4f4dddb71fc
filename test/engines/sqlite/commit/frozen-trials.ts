import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openStoreSync, StoreError } from "../../../../src/index.ts";
import { kill, message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const TIMEOUT = 100;
/** SQLite's result code for a header that stays torn. */
const PROTOCOL = 15;
/** What a call may take beyond its time-out, on a machine that is busy with other tests. Without a time-out it would hang. */
const GRACE = 2000;

async function stopped(pid: number): Promise<void> {
  while (!/^\d+ \(.*\) T/.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"))) await delay(1);
}

/** Why it cannot run here; `false` if it can. */
export const noTrials: string | false =
  process.platform === "linux" ? false : "needs /proc to see that a process has stopped";

/** So often, a writer is stopped in mid-write: it costs the others a StoreError at their time-out, and no more. */
export async function freeze(t: TestContext, trials: number): Promise<void> {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = openStoreSync(file);
  t.after(() => store.close());
  store.setValue("mine", "0");
  let busy = 0;
  let unlucky = 0;
  for (let trial = 0; trial < trials; trial++) {
    const manner = trial % 5 === 0 ? "inside" : "loop";
    const child = start(t, path.join(import.meta.dirname, "frozen-writer.ts"), file, manner);
    await message(child);
    if (manner === "loop") {
      await delay(Math.random() * 5);
      child.kill("SIGSTOP");
    }
    await stopped(child.pid!);

    const began = performance.now();
    let error: unknown;
    try {
      store.setValue("mine", `${trial}`, { timeout: TIMEOUT });
    } catch (thrown) {
      error = thrown;
    }
    const took = performance.now() - began;
    // Stopped between the two copies of the write-ahead log's header: SQLite itself waits then, and cannot be told how long.
    const isTorn = ((error as Error | undefined)?.cause as { errcode?: number } | undefined)?.errcode === PROTOCOL;
    if (isTorn) unlucky++;
    else assert.ok(took <= TIMEOUT + GRACE, `the call took ${took} ms`);
    if (error !== undefined) {
      assert.ok(error instanceof StoreError && error.code === "ERR_STORE_BUSY" && error.retryable, String(error));
      busy++;
    }
    if (manner === "inside") assert.ok(error !== undefined, "a write went through while another was under way");
    if (!isTorn) assert.ok(store.getValue("mine") !== undefined, "a frozen writer does not keep readers out");

    await kill(child);
    store.setValue("mine", `after ${trial}`, { timeout: TIMEOUT });
    assert.equal(store.getValue("mine"), `after ${trial}`);
  }
  t.diagnostic(`${busy} of ${trials} met the time-out, ${unlucky} met a torn header`);
  assert.ok(unlucky <= 1);
  assert.ok(busy >= trials / 5);
}
