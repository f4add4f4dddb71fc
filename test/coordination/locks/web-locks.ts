import * as assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import type { Lock } from "../../../src/coordination/locks/lock.ts";
import { LockManager, type LockRequestOptions } from "../../../src/coordination/locks/web-locks.ts";
import { type Ground, join } from "../engines.ts";

/* What the tests of the Web Locks API have in common. */

export const unreached = () => assert.fail("the callback must not be called");

/** A promise that the test settles. */
export function gate() {
  return Promise.withResolvers<void>();
}

/** A manager with a store of its own. */
export async function openLocks(t: TestContext, ground: Ground): Promise<LockManager> {
  return new LockManager(new LockClient(await join(t, ground)));
}

/** The managers of two members of one store, and the first member. */
export async function openTwoLocks(t: TestContext, ground: Ground) {
  const [a, b] = await Promise.all([join(t, ground), join(t, ground)]);
  return [new LockManager(new LockClient(a)), new LockManager(new LockClient(b)), a] as const;
}

/** Holds the lock until `release` is called. */
export async function hold(locks: LockManager, name: string, options: LockRequestOptions = {}) {
  const granted = Promise.withResolvers<Lock>();
  const end = gate();
  const done = locks.request(name, options, (lock) => {
    granted.resolve(lock);
    return end.promise;
  });
  done.catch(granted.reject);
  const lock = await granted.promise;
  return { lock, done, release: end.resolve, fail: end.reject };
}
