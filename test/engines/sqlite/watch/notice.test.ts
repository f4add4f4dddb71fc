import * as assert from "node:assert/strict";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../../../src/index.ts";
import { message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

/** How often an engine that watches looks by itself, in milliseconds. */
const LOOK_INTERVAL = 50;

/** Engines opened from now on never look by themselves, so that the doorbell alone brings news. Returns how many looks are off. */
function switchLooksOff(t: TestContext): () => number {
  const { setInterval } = globalThis;
  let off = 0;
  globalThis.setInterval = ((callback: () => void, interval: number, ...rest: []) => {
    if (interval !== LOOK_INTERVAL) return setInterval(callback, interval, ...rest);
    off++;
    return setInterval(() => {}, 2 ** 30);
  }) as typeof setInterval;
  t.after(() => {
    globalThis.setInterval = setInterval;
  });
  return () => off;
}

test("another process's write reaches a watch by the doorbell alone, and at once", async (t) => {
  const offs = switchLooksOff(t);
  const file = path.join(temporaryFolder(t), "store.db");
  const store = await openStore(file);
  t.after(() => store.close());
  const child = start(t, path.join(import.meta.dirname, "notice-child.ts"), file);
  await message(child);
  const changes = store.watch("key");
  const latencies: number[] = [];
  for (let i = 0; i < 25; i++) {
    const change = changes.next();
    // The first one waits until it is registered; the others begin at any moment.
    await sleep(i === 0 ? 200 : 1 + ((i * 7) % 20));
    child.send("set");
    const late = AbortSignal.timeout(10_000);
    const lateness = new Promise<never>((_, reject) => late.addEventListener("abort", () => reject(late.reason)));
    const { value } = await Promise.race([change, lateness]);
    assert.equal(value.type, "set");
    latencies.push(performance.timeOrigin + performance.now() - Number(value.entry.value));
  }
  await changes.return?.();
  assert.equal(offs(), 1, "the look that was to be switched off");
  const median = latencies.sort((a, b) => a - b)[12]!;
  t.diagnostic(`median ${median.toFixed(2)} ms`);
  // Half of what looks every 50 ms would bring.
  assert.ok(median < LOOK_INTERVAL / 2, `median ${median} ms`);
});
