/** Web Locks where requests meet: the other groups of web-locks.test.ts. */
import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Lock } from "../../../src/coordination/locks/lock.ts";
import { until } from "../../fixtures/until.ts";
import { leftovers } from "../engines.ts";
import { gate, hold, overManagers } from "./managers.ts";

const unreached = () => assert.fail("the callback must not be called");

overManagers(({ open, openTwo }) => {
  describe("mode-mixed.https.any.js", () => {
    test("a shared request does not overtake an exclusive one, shared ones behind it go together", async (t) => {
      const [locks, others] = await openTwo(t);
      const first = await hold(locks, "name", { mode: "shared" });
      const granted: string[] = [];
      const end = gate();
      const exclusive = locks.request("name", async () => {
        granted.push("exclusive");
        await locks.query();
        granted.push("released");
      });
      await locks.query();
      const both = gate();
      let readers = 0;
      const shared = [locks, others].map((manager) =>
        manager.request("name", { mode: "shared" }, () => {
          granted.push("shared");
          if (++readers === 2) both.resolve();
          return end.promise;
        }),
      );
      await Promise.all([locks.query(), others.query()]);
      const last = locks.request("name", () => granted.push("last"));
      await locks.query();
      assert.deepEqual(granted, []);
      first.release();
      await both.promise;
      assert.deepEqual(granted, ["exclusive", "released", "shared", "shared"]);
      end.resolve();
      await Promise.all([exclusive, ...shared, last]);
      assert.equal(granted.at(-1), "last");
    });
  });

  describe("query-empty.https.any.js, query.https.any.js, query-ordering.https.html, clientids.https.html", () => {
    test("nothing", async (t) => {
      assert.deepEqual(await (await open(t)).query(), { held: [], pending: [] });
    });

    test("who holds and who waits, in order, with a client id for each handle", async (t) => {
      const [locks, others] = await openTwo(t);
      const a = await hold(locks, "a");
      const b1 = await hold(locks, "b", { mode: "shared" });
      const b2 = await hold(others, "b", { mode: "shared" });
      const stop = new AbortController();
      const { signal } = stop;
      const rejected = [];
      for (const options of [{ mode: "shared" }, { mode: "exclusive" }, { mode: "shared" }] as const)
        rejected.push(assert.rejects(locks.request("a", { ...options, signal }, unreached)));
      const { held, pending } = await locks.query();
      const brief = (infos: typeof held) => infos.map(({ name, mode }) => `${name} ${mode}`);
      assert.deepEqual(brief(held), ["a exclusive", "b shared", "b shared"]);
      assert.deepEqual(brief(pending), ["a shared", "a exclusive", "a shared"]);
      assert.equal(held[0]!.clientId, held[1]!.clientId);
      assert.equal(held[0]!.clientId, pending[0]!.clientId);
      assert.notEqual(held[1]!.clientId, held[2]!.clientId);
      assert.deepEqual(Object.keys(held[0]!).sort(), ["clientId", "mode", "name"]);
      stop.abort();
      await Promise.all(rejected);
      assert.deepEqual((await others.query()).pending, []);
      for (const { release, done } of [a, b1, b2]) {
        release();
        await done;
      }
      assert.deepEqual(await others.query(), { held: [], pending: [] });
    });

    test("a lock is held as soon as its callback is called, and an ifAvailable that got null is nowhere", async (t) => {
      const [locks, others] = await openTwo(t);
      await locks.request("name", { mode: "shared" }, async () => {
        for (const manager of [locks, others]) {
          await manager.request("name", { ifAvailable: true }, (lock) => assert.equal(lock, null));
          const { held, pending } = await manager.query();
          assert.deepEqual([held.map(({ mode }) => mode), pending], [["shared"], []]);
        }
      });
    });

    test("requests that were made before a query are in it", async (t) => {
      const locks = await open(t);
      const end = gate();
      const done = [1, 2, 3].map(() => locks.request("name", () => end.promise));
      const { held, pending } = await locks.query();
      assert.deepEqual([held.length, pending.length], [1, 2]);
      end.resolve();
      await Promise.all(done);
    });
  });

  describe("resource-names.https.any.js", () => {
    const names = [
      "",
      "abc",
      "\0",
      "a/b",
      "%2F",
      "ünïcödé",
      "💥",
      "\ud800",
      "\udfff x",
      "\r\n",
      "x".repeat(5000),
      " ",
      "__proto__",
    ];
    test("any string is a name, and no two are the same", async (t) => {
      const locks = await open(t);
      const held = [];
      for (const name of names) held.push(await hold(locks, name));
      assert.deepEqual(
        held.map(({ lock }) => lock.name),
        names,
      );
      assert.deepEqual((await locks.query()).held.map(({ name }) => name).sort(), [...names].sort());
      for (const { release, done } of held) {
        release();
        await done;
      }
    });
  });

  describe("signal.https.any.js", () => {
    test("it must be an AbortSignal", async (t) => {
      const locks = await open(t);
      for (const signal of ["string", 12.34, false, null, {}, Symbol("signal"), () => {}, globalThis])
        await assert.rejects(locks.request("name", { signal: signal as never }, unreached), TypeError);
    });

    test("aborted before", async (t) => {
      const locks = await open(t);
      await assert.rejects(locks.request("name", { signal: AbortSignal.abort() }, unreached), { name: "AbortError" });
      const reason = new Error("reason");
      await assert.rejects(locks.request("name", { signal: AbortSignal.abort(reason) }, unreached), reason);
    });

    test("aborted while it waits: the reason, and those behind it go on", async (t) => {
      const [locks, others, member] = await openTwo(t);
      const held = await hold(others, "name");
      const stop = new AbortController();
      const aborted = locks.request("name", { signal: stop.signal }, unreached);
      assert.equal((await locks.query()).pending.length, 1);
      const next = locks.request("name", () => "next");
      assert.equal((await locks.query()).pending.length, 2);
      const reason = new Error("reason");
      stop.abort(reason);
      await assert.rejects(aborted, reason);
      assert.equal((await locks.query()).pending.length, 1);
      held.release();
      assert.equal(await next, "next");
      assert.deepEqual(await leftovers(member.engine), []);
    });

    test("aborted by a time-out", async (t) => {
      const locks = await open(t);
      const held = await hold(locks, "name");
      await assert.rejects(locks.request("name", { signal: AbortSignal.timeout(10) }, unreached), {
        name: "TimeoutError",
      });
      held.release();
      await held.done;
    });

    test("aborted in the same turn, although the lock is free", async (t) => {
      const locks = await open(t);
      const stop = new AbortController();
      const aborted = locks.request("name", { signal: stop.signal }, unreached);
      const next = locks.request("name", () => "next");
      stop.abort();
      await assert.rejects(aborted, { name: "AbortError" });
      assert.equal(await next, "next");
    });

    test("not aborted; aborted after the grant; aborted after the release", async (t) => {
      const locks = await open(t);
      const stop = new AbortController();
      const { signal } = stop;
      assert.equal(await locks.request("name", { signal }, () => "granted"), "granted");
      const held = await hold(locks, "name", { signal });
      held.release();
      await held.done;
      const late = await hold(locks, "name", { signal });
      stop.abort();
      assert.equal((await locks.query()).held.length, 1);
      late.release();
      assert.equal(await late.done, undefined);
    });
  });

  describe("steal.https.any.js", () => {
    test("a free lock", async (t) => {
      const [locks, , member] = await openTwo(t);
      assert.equal(await locks.request("name", { steal: true }, (lock) => lock.mode), "exclusive");
      assert.deepEqual(await leftovers(member.engine), []);
    });

    for (const [what, options, number] of [
      ["an exclusive", {}, 1],
      ["several shared", { mode: "shared" }, 3],
      ["a stolen", { steal: true }, 1],
    ] as const)
      test(`${what} lock is taken: its holders' requests reject, its token no longer counts`, async (t) => {
        const [locks, others, member] = await openTwo(t);
        const victims: Awaited<ReturnType<typeof hold>>[] = [];
        for (let i = 0; i < number; i++) victims.push(await hold(i % 2 ? others : locks, "name", options));
        const rejections = victims.map(({ done }) => assert.rejects(done, { name: "AbortError" }));
        const thief = await hold(others, "name", { steal: true });
        await Promise.all(rejections);
        for (const { lock } of victims) {
          assert.equal(lock.signal.aborted, true);
          assert.ok(lock.token < thief.lock.token);
          assert.equal((await member.engine.commit({ checks: [lock.check] })).ok, false);
        }
        assert.equal((await member.engine.commit({ checks: [thief.lock.check] })).ok, true);
        assert.equal(thief.lock.ownerDied, false);
        assert.deepEqual((await locks.query()).held.length, 1);
        thief.release();
        await thief.done;
        await locks.request("name", (lock) => assert.equal(lock.ownerDied, false));
      });

    test("from within the callback of its holder", async (t) => {
      const locks = await open(t);
      const order: string[] = [];
      const outer = locks.request("name", async (victim) => {
        order.push("outer");
        const inner = await locks.request("name", { steal: true }, (lock) => {
          order.push("inner");
          assert.ok(lock.token > victim.token);
          return "stolen";
        });
        order.push("after");
        return inner;
      });
      await assert.rejects(outer, { name: "AbortError" });
      await until(() => order.length === 3);
      assert.deepEqual(order, ["outer", "inner", "after"]);
      assert.deepEqual(await locks.query(), { held: [], pending: [] });
    });

    test("a signal that aborts after the grant does not end what a thief ends", async (t) => {
      const [locks, others] = await openTwo(t);
      const stop = new AbortController();
      const victim = await hold(locks, "name", { signal: stop.signal });
      stop.abort(new Error("too late"));
      const robbed = assert.rejects(victim.done, { name: "AbortError" });
      await others.request("name", { steal: true }, () => {});
      await robbed;
    });

    test("a victim whose callback ends before it hears of the theft is told so", async (t) => {
      const [locks, others] = await openTwo(t);
      const victim = await hold(locks, "name");
      const rejection = assert.rejects(victim.done, { name: "AbortError" });
      await others.request("name", { steal: true }, () => victim.release());
      await rejection;
    });

    test("those who wait keep their places behind the thief, and their tokens grow", async (t) => {
      const [locks, others] = await openTwo(t);
      const victim = await hold(locks, "name");
      const rejection = assert.rejects(victim.done, { name: "AbortError" });
      const order: string[] = [];
      const tokens: number[] = [victim.lock.token];
      const note = (what: string) => (lock: Lock) => {
        order.push(what);
        tokens.push(lock.token);
        return locks.query();
      };
      const first = others.request("name", note("first"));
      await others.query();
      const second = locks.request("name", note("second"));
      await locks.query();
      await others.request("name", { steal: true }, note("thief"));
      await Promise.all([first, second, rejection]);
      assert.deepEqual(order, ["thief", "first", "second"]);
      assert.deepEqual(
        tokens,
        tokens.toSorted((a, b) => a - b),
      );
      assert.equal(new Set(tokens).size, tokens.length);
    });

    test("the last thief wins", async (t) => {
      const locks = await open(t);
      const first = await hold(locks, "name");
      const second = await hold(locks, "name", { steal: true });
      const third = await hold(locks, "name", { steal: true });
      await assert.rejects(first.done, { name: "AbortError" });
      await assert.rejects(second.done, { name: "AbortError" });
      third.release();
      await third.done;
    });

    test("of thieves that come at once each is called back, and all but the last are robbed", async (t) => {
      const [locks, others, member] = await openTwo(t);
      for (let round = 0; round < 5; round++) {
        const victim = await hold(others, "name");
        const robbed = assert.rejects(victim.done, { name: "AbortError" });
        const thieves = await Promise.all(
          [locks, others, locks, others].map((manager) => hold(manager, "name", { steal: true })),
        );
        thieves.sort((a, b) => a.lock.token - b.lock.token);
        const last = thieves.pop()!;
        await Promise.all([robbed, ...thieves.map(({ done }) => assert.rejects(done, { name: "AbortError" }))]);
        assert.equal(last.lock.held, true);
        last.release();
        await last.done;
        // Each one robbed takes its notice away.
        await until(async () => (await leftovers(member.engine)).length === 0);
      }
    });
  });
});
