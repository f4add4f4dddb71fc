import type { TestContext } from "node:test";
import { LockClient } from "../../../src/coordination/locks/client.ts";
import type { Lock } from "../../../src/coordination/locks/lock.ts";
import { LockManager, type LockRequestOptions } from "../../../src/coordination/locks/web-locks.ts";
import { join, type Member, overEngines } from "../engines.ts";

/** A promise that the test settles. */
export function gate(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}

export interface Managers {
  open(t: TestContext): Promise<LockManager>;
  /** Two on one store, and the participant of the first. */
  openTwo(t: TestContext): Promise<readonly [LockManager, LockManager, Member]>;
}

/** Runs a suite of the Web Locks API over every engine. */
export function overManagers(suite: (managers: Managers) => void): void {
  overEngines((ground) =>
    suite({
      open: async (t) => new LockManager(new LockClient(await join(t, await ground(t)))),
      async openTwo(t) {
        const store = await ground(t);
        const [a, b] = await Promise.all([join(t, store), join(t, store)]);
        return [new LockManager(new LockClient(a)), new LockManager(new LockClient(b)), a];
      },
    }),
  );
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
