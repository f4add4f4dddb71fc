import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { abandon, deleteUntilGone } from "../../../src/coordination/common/session.ts";
import { once } from "../../../src/coordination/once.ts";
import { Queue } from "../../../src/coordination/queue/queue.ts";
import type { Engine, Session } from "../../../src/engine/contract.ts";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";
import { StoreError } from "../../../src/errors.ts";
import { until } from "../../fixtures/until.ts";
import { leftovers } from "../engines.ts";

async function openTestSession(t: TestContext): Promise<{ engine: Engine; session: Session }> {
  const engine = memoryEngine(`session-${Math.random()}`);
  t.after(() => engine.close());
  // A session keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  return { engine, session: await engine.openSession() };
}

const lost = () => new StoreError("ERR_STORE_OUTCOME_UNKNOWN", "the answer was lost");
const busy = () => new StoreError("ERR_STORE_BUSY", "busy");

test("deleteUntilGone() goes on until it succeeds, and tells whether an attempt may have been applied", async (t) => {
  const { session } = await openTestSession(t);
  const told: boolean[] = [];
  const errors = [busy(), lost(), busy()];
  const result = await deleteUntilGone(session, async (mayBeDone) => {
    told.push(mayBeDone);
    const error = errors.shift();
    if (error) throw error;
    return "gone";
  });
  assert.deepEqual([told, result], [[false, false, true, true], "gone"]);
  await assert.rejects(
    deleteUntilGone(session, () => Promise.reject(new RangeError("a mistake"))),
    RangeError,
  );
});

test("abandon() holds its caller up for a second at most, and goes on until the entries are gone", async (t) => {
  const { session } = await openTestSession(t);
  const begun = performance.now();
  let calls = 0;
  const answer = Promise.withResolvers<void>();
  const result = await abandon(session, async () => {
    if (++calls === 1) await answer.promise;
    if (calls <= 2) throw busy();
    return "gone";
  });
  assert.equal(result, undefined);
  const waited = performance.now() - begun;
  assert.ok(waited > 900 && waited < 5000, `${waited} ms`);
  assert.equal(calls, 1);
  answer.resolve();
  await until(() => calls === 3);
});

test("abandon() resolves at once when the entries are gone, or the session is", async (t) => {
  const { session } = await openTestSession(t);
  const begun = performance.now();
  assert.equal(await abandon(session, () => "gone"), "gone");
  await session.close();
  let calls = 0;
  assert.equal(await abandon(session, () => ++calls), undefined);
  assert.equal(calls, 0);
  assert.ok(performance.now() - begun < 900);
});

/** An engine that applies the next commit that `matches`, loses its answer, and then is out of reach for one more commit. */
function losing(engine: Engine, matches: (key: string) => boolean): Engine {
  let state: "whole" | "lost" | "over" = "whole";
  return new Proxy(engine, {
    get(target, property) {
      if (property === "commit")
        return async (...args: Parameters<Engine["commit"]>) => {
          if (state === "lost") {
            state = "over";
            throw new StoreError("ERR_STORE_UNAVAILABLE", "out of reach");
          }
          const result = await target.commit(...args);
          if (state === "over" || !args[0].mutations?.some(({ key }) => matches(key))) return result;
          state = "lost";
          throw lost();
        };
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("once() leaves no runner behind when the answer was lost and the store is out of reach then", async (t) => {
  const { engine, session } = await openTestSession(t);
  const participant = { engine: losing(engine, (key) => key === "once/o/runner"), session: async () => session };
  await assert.rejects(
    once(participant, "o", () => 1),
    { code: "ERR_STORE_UNAVAILABLE" },
  );
  assert.deepEqual(await leftovers(engine), []);
  assert.equal(await once(participant, "o", () => 2), 2);
});

test("Queue.take() gets the job whose claim's answer was lost", async (t) => {
  const { engine, session } = await openTestSession(t);
  const participant = {
    engine: losing(engine, (key) => key.startsWith("queue/q/claim/")),
    session: async () => session,
  };
  const queue = new Queue<string>(participant, "q");
  await queue.push("job");
  const job = await queue.take({ timeout: 5000 });
  assert.equal(job.value, "job");
  await job.ack();
  assert.deepEqual(await leftovers(engine), ["queue/q/tail"]);
});
