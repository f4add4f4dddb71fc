export type { Barrier, BarrierState } from "./coordination/barrier.ts";
export type { Channel, ChannelEvent, ChannelOptions } from "./coordination/channel/channel.ts";
export type { Fence } from "./coordination/common/fence.ts";
export type { Holding } from "./coordination/common/holding.ts";
export type { Owner } from "./coordination/common/owner.ts";
export type { PreparedStep, Step } from "./coordination/common/step.ts";
export type { Counter, CounterOptions } from "./coordination/counter.ts";
export type { Candidacy, ElectionState, ElectOptions, Leader } from "./coordination/election.ts";
export type { LockWaitOptions } from "./coordination/locks/client.ts";
export type { LockMode } from "./coordination/locks/layout.ts";
export type { Lock } from "./coordination/locks/lock.ts";
export type { LockInfo, LockManager, LockManagerSnapshot, LockRequestOptions } from "./coordination/locks/web-locks.ts";
export type { OnceContext, OnceOptions } from "./coordination/once.ts";
export type { DeadLetter, DeadLetters } from "./coordination/queue/dead-letters.ts";
export type { Job, RetryOptions } from "./coordination/queue/job.ts";
export type { PushOptions, Queue, QueueOptions, QueueState } from "./coordination/queue/queue.ts";
export type { RateDecision, RateLimit, RateLimitOptions, RateLimitState } from "./coordination/rate-limit.ts";
export type { Permit, Semaphore, SemaphoreOwner, SemaphoreState } from "./coordination/semaphore.ts";
export type { EngineCapabilities, EngineLimits } from "./engine/capabilities.ts";
export type {
  Awaitable,
  Check,
  Commit,
  CommitOptions,
  CommitResult,
  Engine,
  EngineInfo,
  Listing,
  Mutation,
  Session,
  SessionOptions,
  Watch,
  WatchOptions,
} from "./engine/contract.ts";
export type { Change, Entry, Space, Value } from "./engine/entry.ts";
export type { Range, RangeRead } from "./engine/range.ts";
export { StoreError, type StoreErrorCode } from "./errors.ts";
export type { Atomic, AtomicOptions, AtomicResult } from "./store/atomic.ts";
export { bytes, type Codec, json, type StandardSchema, text } from "./store/codec.ts";
export type { StoreChange, StoreEntry } from "./store/entry.ts";
export type { FenceOptions } from "./store/fenced-commit.ts";
export type { KeyRange, ListOptions } from "./store/list.ts";
export { type OpenCodecOptions, type OpenOptions, openStore } from "./store/open.ts";
export { Store } from "./store/store.ts";
export type { SetOptions, UpdateOptions, WatchStoreOptions } from "./store/values.ts";
export { defaultStore as store } from "./sync/default-store.ts";
export { openStoreSync, type SyncStore, type TryOptions, type WriteOptions } from "./sync/sync-store.ts";
export type { WaitOptions } from "./wait/deadline.ts";
