import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import type { LockMode } from "../../../src/coordination/locks/layout.ts";
import type { Lock } from "../../../src/coordination/locks/lock.ts";
import { findDeadlock, lockTable } from "../../../src/coordination/locks/table.ts";
import { LockManager } from "../../../src/coordination/locks/web-locks.ts";
import type { Engine } from "../../../src/engine/contract.ts";
import { collectGarbage } from "../../fixtures/collect-garbage.ts";
import { until } from "../../fixtures/until.ts";
import { type Ground, join, leftovers, overEngines } from "../engines.ts";

/** Resolves when so many wait for the lock. */
function waiting(engine: Engine, number: number): Promise<void> {
  return until(async () => (await lockTable(engine)).flatMap((state) => state.waiting).length === number);
}

/** An engine that counts the commits, and the watches that were woken. */
function counted(engine: Engine): { engine: Engine; count: { commits: number; wakes: number } } {
  const count = { commits: 0, wakes: 0 };
  const counting = new Proxy(engine, {
    get(target, property) {
      if (property === "commit")
        return (...args: Parameters<Engine["commit"]>) => {
          count.commits++;
          return target.commit(...args);
        };
      if (property === "watch")
        return (...args: Parameters<Engine["watch"]>) => {
          const changes = target.watch(...args);
          const next = changes.next.bind(changes);
          changes.next = async () => {
            const result = await next();
            count.wakes++;
            return result;
          };
          return changes;
        };
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { engine: counting, count };
}

overEngines((ground) => {
  const clients = async (t: TestContext, number: number, store?: Ground) => {
    const shared = store ?? (await ground(t));
    const members = await Promise.all(Array.from({ length: number }, () => join(t, shared)));
    return members.map((member) => ({ member, client: new LockClient(member) }));
  };

  test("nothing is kept of a lock that was given up", {
    skip: collectGarbage === undefined && "garbage cannot be collected at will here",
  }, async (t) => {
    const [one] = await clients(t, 1);
    const given: WeakRef<Lock>[] = [];
    const take = async (mode: LockMode) => {
      const lock = await one!.client.lock("l", { mode });
      given.push(new WeakRef(lock));
      await lock.release();
    };
    for (const mode of ["exclusive", "shared"] as const) await take(mode);
    await until(() => {
      collectGarbage!();
      return given.every((lock) => lock.deref() === undefined);
    });
  });

  test("a handle holds the lock until it is released or disposed of", async (t) => {
    const [a, b] = await clients(t, 2);
    const lock = await a!.client.lock("l");
    assert.deepEqual([lock.name, lock.mode, lock.held, lock.ownerDied], ["l", "exclusive", true, false]);
    const next = b!.client.lock("l");
    await waiting(b!.member.engine, 1);
    await lock.release();
    await lock.release();
    assert.deepEqual([lock.held, lock.signal.aborted], [false, false]);
    const second = await next;
    assert.ok(second.token > lock.token);
    assert.equal(second.ownerDied, false);
    await second[Symbol.asyncDispose]();
    assert.deepEqual(await leftovers(a!.member.engine), []);
  });

  test("a lock that is free takes one commit, and one to release it", async (t) => {
    const [first] = await clients(t, 1);
    const { member } = first!;
    const { engine, count } = counted(member.engine);
    const client = new LockClient({ engine, session: () => member.session() });
    // The first lock of a handle also checks the store's layout, and the first of a store writes it.
    await (await client.lock("another")).release();
    for (const mode of ["exclusive", "shared"] as const) {
      count.commits = 0;
      const lock = await client.lock("l", { mode });
      assert.equal(count.commits, 1);
      await lock.release();
      assert.equal(count.commits, 2);
    }
  });

  test("those who wait get it in their order, and a release wakes one of them", async (t) => {
    const number = 16;
    const store = await ground(t);
    const [holder] = await clients(t, 1, store);
    const held = await holder!.client.lock("l");
    const waiters = await Promise.all(
      Array.from({ length: number }, async () => {
        const member = await join(t, store);
        const { engine, count } = counted(member.engine);
        return { count, client: new LockClient({ engine, session: () => member.session() }) };
      }),
    );
    const waits: Promise<Lock>[] = [];
    for (const { client } of waiters) {
      waits.push(client.lock("l"));
      await waiting(holder!.member.engine, waits.length);
    }
    let { release, token } = { release: () => held.release(), token: held.token };
    for (const [i, wait] of waits.entries()) {
      await release();
      const lock = await wait;
      assert.ok(lock.token > token);
      assert.deepEqual(
        waiters.map(({ count }) => count.wakes),
        waiters.map((_, other) => (other <= i ? 1 : 0)),
      );
      ({ release, token } = { release: () => lock.release(), token: lock.token });
    }
    await release();
    assert.deepEqual(await leftovers(holder!.member.engine), []);
  });

  test("a dead holder's lock goes on, and the next one is told; after a clean release nobody is", async (t) => {
    const [a, b, c] = await clients(t, 3);
    const first = await a!.client.lock("l");
    const waits = [b!.client.lock("l"), c!.client.lock("l")] as const;
    await waiting(c!.member.engine, 2);
    await a!.member.die();
    const second = await (await Promise.race(waits.map(async (wait) => ({ lock: await wait })))).lock;
    assert.deepEqual([first.held, first.signal.aborted], [false, true]);
    assert.equal((first.signal.reason as { code: string }).code, "ERR_STORE_SESSION_LOST");
    assert.equal(second.ownerDied, true);
    await second.release();
    const third = (await Promise.all(waits)).find((lock) => lock !== second)!;
    assert.equal(third.ownerDied, false);
    await third.release();
    await first.release();
    assert.deepEqual(await leftovers(c!.member.engine), []);
  });

  test("a free lock whose last holder died tells so: to shared holders too, until an exclusive one has come", async (t) => {
    const [a, b] = await clients(t, 2);
    await a!.client.lock("l");
    await a!.member.die();
    for (let i = 0; i < 2; i++) {
      const reader = await b!.client.lock("l", { mode: "shared" });
      assert.equal(reader.ownerDied, true);
      await reader.release();
    }
    const manager = new LockManager(b!.client);
    await manager.request("l", { ifAvailable: true }, (lock) => assert.equal(lock?.ownerDied, true));
    await manager.request("l", { ifAvailable: true }, (lock) => assert.equal(lock?.ownerDied, false));
    await a!.client.lock("l");
    await a!.member.die();
    await manager.request("l", { steal: true }, (lock) => assert.equal(lock.ownerDied, true));
    assert.deepEqual(await leftovers(b!.member.engine), []);
  });

  test("waiters that end in the middle of the queue are passed over", async (t) => {
    const [a, b, c, d] = await clients(t, 4);
    const first = await a!.client.lock("l");
    const dying = b!.client.lock("l");
    const aborting = new AbortController();
    await waiting(a!.member.engine, 1);
    const aborted = c!.client.lock("l", { signal: aborting.signal });
    await waiting(a!.member.engine, 2);
    const last = d!.client.lock("l");
    await waiting(a!.member.engine, 3);
    aborting.abort(new Error("enough"));
    await assert.rejects(aborted, /enough/);
    const closed = assert.rejects(dying, { code: "ERR_STORE_CLOSED" });
    await b!.member[Symbol.asyncDispose]();
    await closed;
    await first.release();
    const lock = await last;
    assert.equal(lock.ownerDied, false);
    await lock.release();
  });

  test("a session that is lost during the wait costs the place only", async (t) => {
    const [a, b] = await clients(t, 2);
    const first = await a!.client.lock("l");
    const wait = b!.client.lock("l");
    await waiting(a!.member.engine, 1);
    await b!.member.die();
    await waiting(a!.member.engine, 1);
    await first.release();
    await (await wait).release();
  });

  test("a request whose lock is lost rejects with the reason, like a stolen one", async (t) => {
    const [a] = await clients(t, 1);
    const manager = new LockManager(a!.client);
    await assert.rejects(
      manager.request("l", async (lock) => {
        await a!.member.die();
        assert.equal(lock.signal.aborted, true);
        await new Promise(() => {});
      }),
      { code: "ERR_STORE_SESSION_LOST" },
    );
    const closing = manager.request("l", async () => {
      await a!.member[Symbol.asyncDispose]();
    });
    await assert.rejects(closing, { code: "ERR_STORE_CLOSED" });
  });

  test("time-outs and signals end the wait and leave nothing", async (t) => {
    const [a, b] = await clients(t, 2);
    const held = await a!.client.lock("l");
    await assert.rejects(b!.client.lock("l", { timeout: 20 }), { code: "ERR_STORE_TIMEOUT" });
    await assert.rejects(b!.client.lock("l", { timeout: 0 }), { code: "ERR_STORE_TIMEOUT" });
    const reason = new Error("enough");
    await assert.rejects(b!.client.lock("free", { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(
      new LockManager(b!.client).request("l", { timeout: 20 }, () => {}),
      {
        code: "ERR_STORE_TIMEOUT",
      },
    );
    assert.equal((await lockTable(a!.member.engine))[0]!.waiting.length, 0);
    await held.release();
    assert.deepEqual(await leftovers(a!.member.engine), []);
  });

  test("a lock is a fence, and its release can be a part of a commit", async (t) => {
    const [a] = await clients(t, 1);
    const { engine } = a!.member;
    for (const mode of ["exclusive", "shared"] as const) {
      const lock = await a!.client.lock("l", { mode });
      const { checks, mutations, committed } = await lock.releasing().prepare();
      const set = { type: "set", key: "result", value: mode } as const;
      const { ok, version } = await engine.commit({ checks, mutations: [...mutations, set] });
      assert.ok(ok);
      committed?.(version);
      assert.equal(lock.held, false);
      assert.deepEqual(await leftovers(engine), []);
      assert.equal((await engine.commit({ checks: [lock.check], mutations: [set] })).ok, false);
      await assert.rejects(async () => lock.releasing().prepare(), { code: "ERR_STORE_FENCED" });
      await lock.release();
    }
  });

  test("the release of a lock that was lost unheard of is refused at the second try, not tried for ever", async (t) => {
    const [a, b] = await clients(t, 2);
    const lock = await a!.client.lock("l");
    const step = lock.releasing();
    await step.prepare();
    await new LockManager(b!.client).request("l", { steal: true }, async () => {
      await assert.rejects(async () => step.prepare(), { code: "ERR_STORE_FENCED" });
    });
  });

  test("a deadlock is found, with who waits for whom; an orderly queue is none", async (t) => {
    const [a, b, c] = await clients(t, 3);
    const { engine } = a!.member;
    const held = [await a!.client.lock("1"), await b!.client.lock("2"), await c!.client.lock("3")];
    const stop = new AbortController();
    const options = { signal: stop.signal };
    const waits = [a!.client.lock("2", options)];
    await waiting(engine, 1);
    waits.push(b!.client.lock("3", options));
    await waiting(engine, 2);
    assert.equal(findDeadlock(await lockTable(engine)), undefined);
    waits.push(c!.client.lock("1", options));
    await waiting(engine, 3);
    const cycle = findDeadlock(await lockTable(engine))!;
    assert.deepEqual(cycle.map(({ waiter }) => waiter.name).sort(), ["1", "2", "3"]);
    for (const [i, { blocker }] of cycle.entries())
      assert.equal(blocker.session, cycle[(i + 1) % cycle.length]!.waiter.session);
    stop.abort(new Error("broken"));
    await Promise.all(waits.map((wait) => assert.rejects(wait, /broken/)));
    assert.equal(findDeadlock(await lockTable(engine)), undefined);
    for (const lock of held) await lock.release();
  });

  test("readers and a queue behind a shared lock are no deadlock, an upgrade by two of them is one", async (t) => {
    const [a, b] = await clients(t, 2);
    const { engine } = a!.member;
    const shared = { mode: "shared" } as const;
    const held = [await a!.client.lock("l", shared), await b!.client.lock("l", shared)];
    const stop = new AbortController();
    const first = assert.rejects(a!.client.lock("l", { signal: stop.signal }));
    await waiting(engine, 1);
    assert.equal(findDeadlock(await lockTable(engine)), undefined);
    const second = assert.rejects(b!.client.lock("l", { signal: stop.signal }));
    await waiting(engine, 2);
    assert.equal(findDeadlock(await lockTable(engine))?.length, 2);
    stop.abort();
    await Promise.all([first, second]);
    for (const lock of held) await lock.release();
  });

  test("bad input", async (t) => {
    const [a] = await clients(t, 1);
    const lock = (name: unknown, options?: unknown) => a!.client.lock(name as string, options as object);
    await assert.rejects(lock(undefined), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    await assert.rejects(lock(5), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    await assert.rejects(lock("l", { mode: "read" }), { name: "TypeError", code: "ERR_INVALID_ARG_VALUE" });
    await assert.rejects(lock("l", { timeout: "1" }), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    await assert.rejects(lock("l", { timeout: -1 }), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    await assert.rejects(lock("l", { signal: {} }), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    await assert.rejects(lock("x".repeat(100_000)), { name: "RangeError", code: "ERR_OUT_OF_RANGE" });
    assert.deepEqual(await leftovers(a!.member.engine), []);
  });
});
