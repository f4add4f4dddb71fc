/**
 * The Web Locks API as the standard has it. The groups are named after the files of the web platform's tests (web-locks/) whose
 * cases they cover; the cases are written anew. Not here, because they are about pages: bfcache, frames, idlharness,
 * non-fully-active, opaque-origin, partitioned, secure-context, storage-buckets, windows. Workers are in lock-processes.test.ts.
 */
import * as assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import type { Lock } from "../../../src/coordination/locks/lock.ts";
import { LockManager, type LockRequestOptions } from "../../../src/coordination/locks/web-locks.ts";
import { collectGarbage } from "../../fixtures/collect-garbage.ts";
import { until } from "../../fixtures/until.ts";
import { join, leftovers, overEngines } from "../engines.ts";

const unreached = () => assert.fail("the callback must not be called");

/** A promise that the test settles. */
function gate() {
  return Promise.withResolvers<void>();
}

overEngines((ground) => {
  const open = async (t: TestContext) => new LockManager(new LockClient(await join(t, await ground(t))));
  const openTwo = async (t: TestContext) => {
    const store = await ground(t);
    const [a, b] = await Promise.all([join(t, store), join(t, store)]);
    return [new LockManager(new LockClient(a)), new LockManager(new LockClient(b)), a] as const;
  };
  /** Holds the lock until `release` is called. */
  const hold = async (locks: LockManager, name: string, options: LockRequestOptions = {}) => {
    const granted = Promise.withResolvers<Lock>();
    const end = gate();
    const done = locks.request(name, options, (lock) => {
      granted.resolve(lock);
      return end.promise;
    });
    done.catch(granted.reject);
    const lock = await granted.promise;
    return { lock, done, release: end.resolve, fail: end.reject };
  };

  describe("acquire.https.any.js", () => {
    test("arguments", async (t) => {
      const locks = await open(t);
      const request = locks.request.bind(locks) as (...args: unknown[]) => Promise<unknown>;
      const typeErrors: unknown[][] = [
        [],
        ["name"],
        ["name", undefined],
        ["name", null],
        ["name", 123],
        ["name", "abc"],
        ["name", []],
        ["name", {}],
        ["name", new Promise(() => {})],
        ["name", {}, undefined],
        ["name", {}, null],
        ["name", {}, {}],
        ["name", "options", unreached],
        ["name", 1, unreached],
        ["name", { mode: "foo" }, unreached],
        ["name", { mode: null }, unreached],
        ["name", { mode: "" }, unreached],
        ["name", { mode: "EXCLUSIVE" }, unreached],
        [Symbol("name"), unreached],
      ];
      for (const args of typeErrors) {
        const promise = request(...args);
        assert.ok(promise instanceof Promise);
        await assert.rejects(promise, TypeError, `${args.length} arguments: ${args.map(String)}`);
      }
      assert.equal(await request("name", undefined, () => 1), 1);
      assert.equal(await request("name", null, () => 2), 2);
      assert.equal(await request(7, (lock: Lock) => lock.name), "7");
    });

    test("names and combinations that are not supported", async (t) => {
      const locks = await open(t);
      const { signal } = new AbortController();
      const bad: [string, LockRequestOptions][] = [
        ["-", {}],
        ["-reserved", {}],
        ["name", { steal: true, ifAvailable: true }],
        ["name", { steal: true, mode: "shared" }],
        ["name", { signal, steal: true }],
        ["name", { signal, ifAvailable: true }],
        // These come before the signal is looked at.
        ["-reserved", { signal: AbortSignal.abort() }],
      ];
      for (const [name, options] of bad)
        await assert.rejects(locks.request(name, options, unreached), { name: "NotSupportedError" });
      await locks.request("a-b", () => {});
    });

    test("the callback is called later, with the lock, and its result is the request's", async (t) => {
      const locks = await open(t);
      let called = false;
      const promise = locks.request("name", (lock) => {
        called = true;
        assert.deepEqual([lock.name, lock.mode], ["name", "exclusive"]);
        return 123;
      });
      assert.equal(called, false);
      assert.equal(await promise, 123);
      assert.equal(await locks.request("name", async () => "later"), "later");
      const error = new Error("thrown");
      await assert.rejects(
        locks.request("name", () => {
          throw error;
        }),
        error,
      );
      await assert.rejects(
        locks.request("name", () => Promise.reject(error)),
        error,
      );
      assert.equal(await locks.request("name", () => "released after all"), "released after all");
    });
  });

  describe("garbage-collection.tentative.https.any.js", () => {
    test("a lock that nobody refers to is held all the same, and a request waits", {
      skip: collectGarbage === undefined && "garbage cannot be collected at will here",
    }, async (t) => {
      const [locks, others, member] = await openTwo(t);
      const held = new Promise<void>((resolve) => {
        void locks
          .request("name", () => {
            resolve();
            return new Promise(() => {});
          })
          .catch(() => {});
      });
      await held;
      let granted = false;
      void others
        .request("name", () => {
          granted = true;
        })
        .catch(() => {});
      await others.query();
      for (let i = 0; i < 5; i++) {
        collectGarbage!();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { held: holders, pending } = await others.query();
      assert.deepEqual([holders.length, pending.length, granted], [1, 1, false]);
      await member.die();
      await until(() => granted);
    });
  });

  describe("held.https.any.js", () => {
    test("a thenable is waited for like a promise", async (t) => {
      const [locks, others] = await openTwo(t);
      let settle: ((value: string) => void) | undefined;
      const done = locks.request("name", () => ({
        // biome-ignore lint/suspicious/noThenProperty: this is what it is about.
        then(resolve: (value: string) => void) {
          settle = resolve;
        },
      }));
      await until(() => settle !== undefined);
      assert.equal(await others.request("name", { ifAvailable: true }, (lock) => lock), null);
      settle!("from a thenable");
      assert.equal(await done, "from a thenable");
      assert.ok(await others.request("name", { ifAvailable: true }, (lock) => lock));
    });

    for (const how of ["resolves", "rejects"] as const)
      test(`the lock is held until the callback's promise ${how}`, async (t) => {
        const [locks, others, member] = await openTwo(t);
        const first = await hold(locks, "name");
        let second = false;
        const next = others.request("name", () => {
          second = true;
          return "second";
        });
        assert.equal((await others.query()).pending.length, 1);
        assert.equal(second, false);
        const error = new Error("rejected");
        if (how === "resolves") first.release();
        else first.fail(error);
        if (how === "resolves") assert.equal(await first.done, undefined);
        else await assert.rejects(first.done, error);
        assert.equal(await next, "second");
        assert.deepEqual(await leftovers(member.engine), []);
      });

    test("once the request's promise has settled the lock is free", async (t) => {
      const [locks, others] = await openTwo(t);
      for (let i = 0; i < 5; i++) {
        await locks.request("name", () => {});
        await others.request("name", { ifAvailable: true }, (lock) => assert.ok(lock));
      }
    });
  });

  describe("ifAvailable.https.any.js", () => {
    test("the lock, or null", async (t) => {
      const [locks, others] = await openTwo(t);
      assert.equal(await locks.request("name", { ifAvailable: true }, (lock) => lock?.name), "name");
      const held = await hold(locks, "name");
      assert.equal(await locks.request("name", { ifAvailable: true }, (lock) => lock), null);
      assert.equal(await others.request("name", { ifAvailable: true }, async (lock) => lock), null);
      assert.equal(await others.request("other", { ifAvailable: true }, (lock) => lock?.name), "other");
      const error = new Error("thrown");
      for (const callback of [
        () => Promise.reject(error),
        () => {
          throw error;
        },
      ])
        await assert.rejects(others.request("name", { ifAvailable: true }, callback), error);
      assert.equal((await others.query()).pending.length, 0);
      held.release();
      await held.done;
      assert.equal(await others.request("name", { ifAvailable: true }, (lock) => lock?.name), "name");
    });

    test("shared ones go together, unless an exclusive one waits", async (t) => {
      const [locks, others] = await openTwo(t);
      const held = await hold(locks, "name", { mode: "shared" });
      const shared = { mode: "shared", ifAvailable: true } as const;
      assert.equal(await others.request("name", shared, (lock) => lock?.mode), "shared");
      assert.equal(await others.request("name", { ifAvailable: true }, (lock) => lock), null);
      const waiting = others.request("name", () => {});
      await others.query();
      assert.equal(await others.request("name", shared, (lock) => lock), null);
      held.release();
      await waiting;
    });

    test("a nested request does not wait for itself", async (t) => {
      const locks = await open(t);
      await locks.request("name", async () => {
        assert.equal(await locks.request("name", { ifAvailable: true }, (lock) => lock), null);
      });
    });
  });

  describe("lock-attributes.https.any.js", () => {
    test("name and mode", async (t) => {
      const locks = await open(t);
      const attributes = (lock: Lock) => [lock.name, lock.mode];
      assert.deepEqual(await locks.request("name", attributes), ["name", "exclusive"]);
      assert.deepEqual(await locks.request("name", { mode: "exclusive" }, attributes), ["name", "exclusive"]);
      assert.deepEqual(await locks.request("name", { mode: "shared" }, attributes), ["name", "shared"]);
    });
  });

  describe("mode-exclusive.https.any.js", () => {
    test("granted one after the other, in the order of the requests", async (t) => {
      const locks = await open(t);
      const granted: number[] = [];
      let holders = 0;
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          locks.request("name", async () => {
            assert.equal(++holders, 1);
            granted.push(i);
            await locks.query();
            holders--;
          }),
        ),
      );
      assert.deepEqual(
        granted,
        Array.from({ length: 20 }, (_, i) => i),
      );
    });

    test("other names do not matter", async (t) => {
      const locks = await open(t);
      const a = await hold(locks, "a");
      const order: string[] = [];
      const waiting = locks.request("a", () => order.push("a"));
      await locks.request("b", () => order.push("b"));
      a.release();
      await waiting;
      assert.deepEqual(order, ["b", "a"]);
    });
  });

  describe("mode-shared.https.any.js", () => {
    test("all are held at once, and granted in order", async (t) => {
      const [locks, others] = await openTwo(t);
      const held = [];
      for (let i = 0; i < 5; i++) held.push(await hold(i % 2 ? locks : others, "name", { mode: "shared" }));
      assert.equal((await locks.query()).held.length, 5);
      let exclusive = false;
      const waiting = locks.request("name", () => {
        exclusive = true;
      });
      for (const { release, done } of held) {
        await locks.query();
        assert.equal(exclusive, false);
        release();
        await done;
      }
      await waiting;
    });
  });

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
