import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { forget, once } from "../../src/coordination/once.ts";
import { ended, kill, message, start } from "../fixtures/child.ts";
import { collectGarbage } from "../fixtures/collect-garbage.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";
import { until } from "../fixtures/until.ts";
import { join, leftovers, overEngines } from "./engines.ts";

const CHILD = fileURLToPath(import.meta.resolve("./once-child.ts"));

overEngines((ground) => {
  test("fn runs once, and everybody gets a result of its own", async (t) => {
    const store = await ground(t);
    const members = await Promise.all(Array.from({ length: 4 }, () => join(t, store)));
    let runs = 0;
    const fn = async () => {
      runs++;
      await members[0]!.engine.get("x");
      return { at: new Date(5), tags: new Set(["a"]), big: 2n ** 70n };
    };
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => once(members[i % 4]!, "set-up", fn)));
    assert.equal(runs, 1);
    for (const result of results) assert.deepEqual(result, { at: new Date(5), tags: new Set(["a"]), big: 2n ** 70n });
    assert.equal(new Set(results).size, results.length);
    assert.deepEqual(await once(members[1]!, "set-up", fn), results[0]);
    assert.equal(runs, 1);
  });

  test("nothing is kept of a run's signal when the run is over", {
    skip: collectGarbage === undefined && "garbage cannot be collected at will here",
  }, async (t) => {
    const member = await join(t, await ground(t));
    const { signal } = new AbortController();
    const signals: WeakRef<AbortSignal>[] = [];
    for (const options of [{}, { signal }])
      await once(
        member,
        "n",
        (context) => {
          context.signal.addEventListener("abort", () => {});
          signals.push(new WeakRef(context.signal));
        },
        { ...options, ttl: 0 },
      );
    await until(() => {
      collectGarbage!();
      return signals.every((signal) => signal.deref() === undefined);
    });
    assert.equal(signals.length, 2);
  });

  test("the context's signal has the reason of what came first", async (t) => {
    const member = await join(t, await ground(t));
    for (const isFirst of ["caller", "session"]) {
      const caller = new AbortController();
      const reasons: unknown[] = [];
      const run = once(
        member,
        "n",
        async ({ signal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          if (isFirst === "session") await member.die();
          caller.abort("by the caller");
          await member.die();
          reasons.push(signal.reason);
          throw new Error("called off");
        },
        { signal: caller.signal },
      );
      await assert.rejects(run, { message: "called off" });
      const [told, last, ...more] = reasons;
      assert.deepEqual(more, []);
      assert.equal(told, last);
      if (isFirst === "caller") assert.equal(told, "by the caller");
      else assert.equal((told as { code?: unknown }).code, "ERR_STORE_SESSION_LOST");
    }
  });

  test("names are apart, and undefined is a result", async (t) => {
    const member = await join(t, await ground(t));
    assert.equal(await once(member, "a", () => undefined), undefined);
    assert.equal(await once(member, "a", () => 1), undefined);
    assert.equal(await once(member, "a/b", () => 2), 2);
    assert.equal(await once(member, "", () => 3), 3);
  });

  test("what was forgotten runs anew", async (t) => {
    const member = await join(t, await ground(t));
    assert.equal(await forget(member, "n"), false);
    assert.equal(await once(member, "n", () => 1), 1);
    assert.equal(await forget(member, "n"), true);
    assert.deepEqual(await leftovers(member.engine), []);
    assert.equal(await once(member, "n", () => 2), 2);
  });

  test("ttl: kept so long; 0: for those alone who waited", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const ttl = 4 * a.engine.capabilities.ttlMinimum + 40;
    let runs = 0;
    const fn = () => ++runs;
    const began = Date.now();
    assert.equal(await once(a, "n", fn, { ttl }), 1);
    const next = await once(b, "n", fn, { ttl });
    if (next !== 1) assert.ok(Date.now() - began >= ttl, "it ran again too soon");
    await until(async () => (await once(b, "n", fn, { ttl })) > next);

    const running = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const slow = async () => {
      begun.resolve();
      await running.promise;
      return "slow";
    };
    const first = once(a, "m", slow, { ttl: 0 });
    await begun.promise;
    const second = once(b, "m", () => "mine", { ttl: 0 });
    await waiters(b.engine);
    running.resolve();
    assert.deepEqual(await Promise.all([first, second]), ["slow", "slow"]);
    assert.equal(await once(b, "m", () => "mine", { ttl: 0 }), "mine");
  });

  test("a failure reaches those who wait and is not kept, unless told", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const failure = Object.assign(new RangeError("no"), { code: "E_NO", secret: "s" });
    const fail = async () => {
      begun.resolve();
      await gate.promise;
      throw failure;
    };
    const first = once(a, "n", fail);
    await begun.promise;
    const second = once(b, "n", fail);
    await waiters(b.engine);
    gate.resolve();
    await Promise.all([
      assert.rejects(first, failure),
      assert.rejects(second, (error: Error & { code?: string; secret?: string }) => {
        assert.deepEqual(
          [error.name, error.message, error.code, error.secret],
          ["RangeError", "no", "E_NO", undefined],
        );
        assert.ok(error instanceof Error);
        return true;
      }),
    ]);
    assert.equal(await once(b, "n", () => 1), 1);

    await assert.rejects(once(a, "kept", fail, { cacheFailures: true }), failure);
    await assert.rejects(
      once(b, "kept", () => 1, { cacheFailures: true }),
      { name: "RangeError", message: "no" },
    );
    await forget(b, "kept");
    assert.equal(await once(b, "kept", () => 1), 1);
  });

  test("a runner that dies is replaced; its late result does not count", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const begun = Promise.withResolvers<number>();
    const gate = Promise.withResolvers<void>();
    let lost: AbortSignal | undefined;
    const first = once(a, "n", async ({ token, signal }) => {
      lost = signal;
      begun.resolve(token);
      await gate.promise;
      return "dead";
    });
    const token = await begun.promise;
    let next = 0;
    let refused: boolean | undefined;
    const second = once(b, "n", async (context) => {
      next = context.token;
      const { ok } = await b.engine.commit({ checks: [{ ...context.check, version: token } as never] });
      refused = !ok;
      return "living";
    });
    await waiters(b.engine);
    await a.die();
    assert.equal(await second, "living");
    assert.ok(next > token);
    assert.equal(refused, true);
    assert.equal(lost?.aborted, true);
    gate.resolve();
    await assert.rejects(first, { code: "ERR_STORE_SESSION_LOST" });
    assert.equal(await once(a, "n", () => "again"), "living");
  });

  test("a wait ends by signal and by timeout; a run that its caller calls off goes to the next", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const begun = Promise.withResolvers<void>();
    const stop = new AbortController();
    const reason = new Error("enough");
    const first = once(
      a,
      "n",
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          begun.resolve();
        }),
      { signal: stop.signal },
    );
    await begun.promise;
    await assert.rejects(
      once(b, "n", () => 1, { timeout: 20 }),
      { code: "ERR_STORE_TIMEOUT" },
    );
    await assert.rejects(
      once(b, "n", () => 1, { signal: AbortSignal.abort(reason) }),
      reason,
    );
    const second = once(b, "n", () => 2);
    await waiters(b.engine);
    stop.abort(reason);
    await assert.rejects(first, reason);
    assert.equal(await second, 2);
  });

  test("closing ends a wait at once", async (t) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const first = once(a, "n", () => {
      begun.resolve();
      return gate.promise;
    });
    await begun.promise;
    const second = assert.rejects(
      once(b, "n", () => 1),
      { code: "ERR_STORE_CLOSED" },
    );
    await b.engine.close();
    await second;
    gate.resolve();
    await first;
  });

  test("bad input", async (t) => {
    const member = await join(t, await ground(t));
    const call = (name: unknown, fn: unknown, options?: object) => once(member, name as string, fn as () => 1, options);
    await assert.rejects(
      call(1, () => 1),
      { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" },
    );
    await assert.rejects(call("n", 1), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    await assert.rejects(
      call("n", () => 1, { ttl: -1 }),
      { name: "RangeError", code: "ERR_OUT_OF_RANGE" },
    );
    await assert.rejects(
      call("n", () => 1, { ttl: "1" }),
      { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" },
    );
    await assert.rejects(
      call("n", () => 1, { timeout: NaN }),
      { name: "RangeError", code: "ERR_OUT_OF_RANGE" },
    );
    await assert.rejects(
      call("n", () => 1, { signal: {} }),
      { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" },
    );
    await assert.rejects(
      call("n", () => () => 1),
      { name: "DataCloneError" },
    );
    await assert.rejects(
      call("n", () => {
        throw "text";
      }),
      (error) => error === "text",
    );
    assert.equal(await call("n", () => 1), 1);
  });

  /** Until whatever was called has had its turn with the engine. */
  async function waiters(engine: { get(key: string): unknown }): Promise<void> {
    for (let i = 0; i < 20; i++) {
      await engine.get("x");
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

test("of 8 processes one runs, also when one that runs is killed", async (t) => {
  const folder = temporaryFolder(t);
  const file = `${folder}/store.db`;
  for (const dying of ["none", "hang", "die-before"]) {
    const journal = `${folder}/journal-${dying}`;
    fs.writeFileSync(journal, "");
    const pids = (event: string) =>
      fs
        .readFileSync(journal, "utf8")
        .split("\n")
        .filter((line) => line.startsWith(`${event} `))
        .map((line) => Number(line.split(" ")[1]));
    const doomed = dying === "none" ? undefined : start(t, CHILD, file, journal, dying, dying);
    if (doomed) await until(() => pids("begin").length === 1);
    const children = Array.from({ length: 8 }, () => start(t, CHILD, file, journal, dying));
    const answers = Promise.all(children.map((child) => message<number>(child)));
    const all = doomed ? 9 : 8;
    await until(() => pids("call").length === all);
    if (dying === "hang") await kill(doomed!);
    const [by, ...others] = await answers;
    await Promise.all(children.map(ended));
    for (const other of others) assert.equal(other, by, "two results");
    assert.deepEqual(pids("begin"), [...(doomed ? [doomed.pid!] : []), by]);
    assert.deepEqual(pids("end"), [by]);
  }
});
