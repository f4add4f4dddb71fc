/**
 * The Web Locks API as the standard has it. The groups are named after the files of the web platform's tests (web-locks/) whose
 * cases they cover; the cases are written anew. Not here, because they are about pages: bfcache, frames, idlharness,
 * non-fully-active, opaque-origin, partitioned, secure-context, storage-buckets, windows. Workers are in processes.test.ts;
 * the rest is in web-locks-lines.test.ts.
 */
import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Lock } from "../../../src/coordination/locks/lock.ts";
import type { LockRequestOptions } from "../../../src/coordination/locks/web-locks.ts";
import { collectGarbage } from "../../fixtures/collect-garbage.ts";
import { until } from "../../fixtures/until.ts";
import { leftovers } from "../engines.ts";
import { hold, overManagers } from "./managers.ts";

const unreached = () => assert.fail("the callback must not be called");

overManagers(({ open, openTwo }) => {
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
});
