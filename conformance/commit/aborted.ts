import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Suite } from "../suite.ts";
import { set } from "./writing.ts";

export function commitAborted(suite: Suite): void {
  suite.test("a commit with a signal that was aborted before is not applied", async ({ engine }) => {
    const reason = new Error("no more");
    const late = async () => engine.commit({ mutations: [set("a")] }, { signal: AbortSignal.abort(reason) });
    await assert.rejects(late, (error) => error === reason);
    assert.equal(await engine.get("a"), undefined);
  });

  suite.test("a commit that is aborted on its way is applied as a whole or not at all", async ({ engine }) => {
    const reason = new Error("no more");
    const delays = [undefined, undefined, 0, 0, 1, 1, 2, 3, 5];
    const attempts = Array.from({ length: 45 }, async (_, i) => {
      const { signal, abort } = abortable(reason);
      const attempt = (async () => engine.commit({ mutations: [set(`a${i}`), set(`b${i}`)] }, { signal }))();
      const delay = delays[i % delays.length];
      if (delay === undefined) queueMicrotask(abort);
      else setTimeout(abort, delay);
      try {
        return (await attempt).ok;
      } catch (error) {
        assert.equal(error, reason);
        return false;
      }
    });
    const acknowledged = await Promise.all(attempts);
    // A commit that was sent before the abort may still be on its way; each look must find it whole.
    for (let look = 0; look < 5; look++) {
      for (const [i, ok] of acknowledged.entries()) {
        const { reads } = await engine.commit({ reads: [{ key: `a${i}` }, { key: `b${i}` }] });
        const [a, b] = reads.map((entries) => entries[0]);
        assert.equal(a?.version, b?.version, `commit ${i}`);
        if (ok) assert.ok(a, `commit ${i} was acknowledged`);
      }
      await sleep(10);
    }
  });
}

function abortable(reason: Error): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(reason) };
}
