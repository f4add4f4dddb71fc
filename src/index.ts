export { Atomic, type AtomicResult } from "./atomic.ts";
export { bytes, type Codec, json, type StandardSchema, text } from "./codec.ts";
export type { Barrier } from "./coordination/barrier.ts";
export type { Channel, ChannelEvent, ChannelOptions } from "./coordination/channel.ts";
export type { Counter, CounterOptions } from "./coordination/counter.ts";
export type { DeadLetter, DeadLetters } from "./coordination/dead-letters.ts";
export type { Candidacy, ElectOptions, Leader } from "./coordination/election.ts";
export type { Fence } from "./coordination/fence.ts";
export type { Job, RetryOptions } from "./coordination/job.ts";
export type { Lock } from "./coordination/lock.ts";
export type { LockWaitOptions } from "./coordination/lock-client.ts";
export type { LockInfo, LockManager, LockManagerSnapshot, LockRequestOptions } from "./coordination/locks.ts";
export type { OnceContext, OnceOptions } from "./coordination/once.ts";
export type { PushOptions, Queue, QueueOptions, QueueState } from "./coordination/queue.ts";
export type { RateDecision, RateLimit, RateLimitOptions } from "./coordination/rate-limit.ts";
export type { Permit, Semaphore, SemaphoreOwner, SemaphoreState } from "./coordination/semaphore.ts";
export type { PreparedStep, Step } from "./coordination/step.ts";
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
export type { FenceOptions } from "./fenced-commit.ts";
export { type OpenCodecOptions, type OpenOptions, openStore } from "./open.ts";
export type { KeyRange, ListOptions } from "./pages.ts";
export { Store } from "./shared-store.ts";
export type { SetOptions, WatchStoreOptions } from "./shared-values.ts";
export { defaultStore as store } from "./store.ts";
export type { StoreChange, StoreEntry } from "./store-entry.ts";
export { openStoreSync, type SyncStore, type TryOptions, type WriteOptions } from "./sync-store.ts";
