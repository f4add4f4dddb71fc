export type {
  Awaitable,
  Check,
  Commit,
  CommitResult,
  Engine,
  EngineInfo,
  Listing,
  Mutation,
  Session,
  SessionOptions,
  WaitOptions,
  WatchOptions,
} from "./engine/engine.ts";
export type { Change, Entry, Range, RangeRead, Space, Value } from "./engine/entry.ts";
export type { EngineLimits, EngineSupport } from "./engine/supports.ts";
export { StoreError, type StoreErrorCode } from "./errors.ts";
export { defaultStore as store } from "./store.ts";
export { openStoreSync, type SyncStore, type TryOptions, type WriteOptions } from "./sync-store.ts";
