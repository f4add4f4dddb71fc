import type { Engine, SyncEngine } from "../../../src/engine/contract.ts";
import type { SyncStore } from "../../../src/sync/sync-store.ts";
import type { Result } from "../history/register.ts";

/** What a worker runs its operations on. Each says what it learnt. */
export interface Target {
  get(key: string): Promise<Result> | Result;
  set(key: string, value: string): Promise<Result> | Result;
  create(key: string, value: string): Promise<Result> | Result;
  delete(key: string): Promise<Result> | Result;
  /** Sets `value` if the value is `expected`. No value is ever written twice: a changed version means a changed value. */
  readonly compareAndSet:
    | ((key: string, expected: string, value: string) => Promise<Result> | Result)
    /** The store has none. */
    | undefined;
  close(): Promise<void> | void;
}

/** The operations on an engine, through its contract alone. */
export function engineTarget(engine: Pick<Engine | SyncEngine, "get" | "commit" | "close">): Target {
  return {
    async get(key) {
      const entry = await engine.get(key);
      return entry ? { value: String(entry.value), version: entry.version } : { value: null };
    },
    async set(key, value) {
      const { version } = await engine.commit({ mutations: [{ type: "set", key, value }] });
      return { version };
    },
    async create(key, value) {
      return written(await engine.commit({ checks: [{ key, version: 0 }], mutations: [{ type: "set", key, value }] }));
    },
    async delete(key) {
      for (;;) {
        const entry = await engine.get(key);
        if (!entry) return { done: false };
        const { ok } = await engine.commit({
          checks: [{ key, version: entry.version }],
          mutations: [{ type: "delete", key }],
        });
        if (ok) return { done: true };
      }
    },
    async compareAndSet(key, expected, value) {
      const entry = await engine.get(key);
      if (entry?.value !== expected) return { done: false };
      const checks = [{ key, version: entry.version }];
      return written(await engine.commit({ checks, mutations: [{ type: "set", key, value }] }));
    },
    close: () => engine.close(),
  };
}

function written({ ok, version }: { ok: boolean; version: number }): Result {
  return ok ? { done: true, version } : { done: false };
}

/** The blocking API. It shows no versions, and has no exchange but the one inside `deleteValue`. */
export function syncStoreTarget(store: SyncStore): Target {
  return {
    get: (key) => ({ value: store.getValue(key) ?? null }),
    set(key, value) {
      store.setValue(key, value);
      return {};
    },
    create: (key, value) => ({ done: store.createValue(key, value) }),
    delete: (key) => ({ done: store.deleteValue(key) }),
    compareAndSet: undefined,
    close: () => store.close(),
  };
}
