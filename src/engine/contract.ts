import type { EngineCapabilities } from "./capabilities.ts";
import type { Change, Entry, Space, Value } from "./entry.ts";
import type { Range, RangeRead } from "./range.ts";

/*
 * THE NARROW WAIST. Everything above (the Store, the locks, elections, queues) is written against this page alone, and
 * everything below (SQLite, memory, etcd, Redis) implements it. An engine is a factory function that returns an object
 * of this shape; there is no base class. `conformance/` is the executable half of this contract.
 *
 * Errors: a `StoreError` for what can go wrong at run time, a `TypeError` or `RangeError` for what the caller must mend.
 * An engine checks keys and values against its limits (`checkKey`, `checkValue`) before anything is sent or written.
 */

export type Awaitable<T> = T | Promise<T>;

export interface Engine extends AsyncDisposable {
  /** `"sqlite"`, `"memory"`, `"etcd"`, `"redis"`. */
  readonly name: string;
  /** What the engine can do and where its limits are. */
  readonly capabilities: EngineCapabilities;

  /** The entry, or `undefined`. Never one whose time ran out or whose session is known to have ended. */
  get(key: string, space?: Space): Awaitable<Entry | undefined>;

  /** The entries of a range, all of them at one version of the store. For a page at a time: `limit`, then `start: lastKey + "\0"`. */
  list(range: RangeRead): Awaitable<Listing>;

  /** Checks, then writes: all or nothing, in isolation from every other commit. */
  commit(commit: Commit, options?: CommitOptions): Awaitable<CommitResult>;

  /**
   * What changes in any of the ranges, after version `from` (default: the version at the call, so that nothing after
   * the call is missed even if the first `next()` comes later). Batches come in order of versions. Several changes of
   * one key may be merged into its latest; a merged set and delete may leave the delete alone.
   * Throws `ERR_STORE_HISTORY_LOST` if what came after `from` is no longer held, `ERR_STORE_CLOSED` when the engine is
   * closed, and the signal's reason when that is aborted. `return()` ends it at once and frees what it held.
   */
  watch(ranges: readonly Range[], options?: WatchOptions): Watch<Change[]>;

  /** Begins to live. See `Session`. */
  openSession(options?: SessionOptions): Promise<Session>;

  /** Path or endpoints, format, size, number of keys, and what else `ipctools info` shows. Holds no secret. */
  info(): Awaitable<EngineInfo>;

  /** Writes a copy of the store to a file that does not exist yet, while others go on writing. Left out where there is no file. */
  backup?(path: string): Awaitable<void>;

  /** Ends its sessions, watches and waits, and frees everything. Idempotent. */
  close(): Promise<void>;
}

/** The same with plain results: an engine that answers at once. It carries the blocking API. */
export interface SyncEngine extends Disposable {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  /** The value alone, by the shortest way. Throws `ERR_STORE_NOT_INITIALIZED` if nothing was ever set. */
  getValue(key: string): Value | undefined;
  /** Sets a value that is bound to nothing, by the shortest way. `timeout` as for `commit`. */
  setValue(key: string, value: Value, timeout?: number): void;
  get(key: string, space?: Space): Entry | undefined;
  list(range: RangeRead): Listing;
  /** Waits for others' writes by blocking, `options.timeout` milliseconds at most. */
  commit(commit: Commit, options?: { readonly timeout?: number }): CommitResult;
  info(): EngineInfo;
  backup?(path: string): void;
  close(): void;
}

export interface Listing {
  readonly entries: Entry[];
  /** The store's version at the reading: a watch `from` it misses nothing. */
  readonly version: number;
}

/**
 * One atomic step: if every check holds, every mutation is made; the reads are answered either way, in the same
 * step: after the mutations if they were made, else of the state that the checks met.
 */
export interface Commit {
  readonly checks?: readonly Check[];
  /** At most one for each key. */
  readonly mutations?: readonly Mutation[];
  readonly reads?: readonly RangeRead[];
}

export type Check =
  /** The entry's last write has this version; `0`: there is no such entry. A fence is a check of this kind. */
  | { readonly key: string; readonly space?: Space; readonly version: number }
  /** There is no entry in the range. */
  | { readonly empty: Range };

export type Mutation =
  | {
      readonly type: "set";
      readonly key: string;
      readonly space?: Space;
      readonly value: Value;
      /** Binds the entry to this session (its `id`). A set without it unbinds. `ERR_STORE_SESSION_LOST` if it has ended. */
      readonly session?: string;
      /** The entry goes after so many milliseconds. A set without it takes an earlier one's off. Not with `session`. */
      readonly ttl?: number;
    }
  | { readonly type: "delete"; readonly key: string; readonly space?: Space };

export interface CommitResult {
  /** Whether the checks held and the mutations were made. */
  readonly ok: boolean;
  /** The version of the commit. Every entry that it set has exactly this version. */
  readonly version: number;
  /** For each read its entries. */
  readonly reads: readonly Entry[][];
}

/** How long a commit may take. It waits for other programs' commits, and on a network for the server. */
export interface CommitOptions {
  /** Ends the wait when it is aborted. The call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait, in milliseconds, until the call rejects with `ERR_STORE_BUSY`, on a network with
   * `ERR_STORE_UNAVAILABLE` (nothing was written) or `ERR_STORE_OUTCOME_UNKNOWN`. Default: 5000.
   */
  readonly timeout?: number | undefined;
}

/** An iteration over what changes. `return()`, leaving a `for await` loop, or `await using` ends it. */
export interface Watch<T> extends AsyncIterableIterator<T>, AsyncDisposable {}

export interface WatchOptions {
  /** The last version that was already seen: what comes after it is reported. */
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** Whether a pending `next()` keeps the process alive. Default true. */
  readonly keepAlive?: boolean;
}

/**
 * The life of an owner. When the session ends in any way (closed, its process or thread ended, `kill -9` included, its
 * lease ran out) the entries bound to it go, and watchers see the deletes.
 */
export interface Session extends AsyncDisposable {
  /** Unique for all time in this store. */
  readonly id: string;
  /** Aborted when the session ends while its owner lives: its reason is a `StoreError` (`ERR_STORE_SESSION_LOST` or `ERR_STORE_CLOSED`). */
  readonly signal: AbortSignal;
  /** Ends it and deletes its entries. Idempotent. */
  close(): Promise<void>;
}

export interface SessionOptions {
  /** On engines with leases: how long the session outlives a silent owner, in milliseconds. Default 10,000. */
  readonly ttl?: number;
}

export interface EngineInfo {
  readonly engine: string;
  /** The path, or the URL without its password. */
  readonly location: string;
  /** Whether a value was ever set. */
  readonly initialized: boolean;
  /** Number of the user's keys. */
  readonly keys: number;
  /** The newest version. */
  readonly version: number;
  /** What a commit survives, in words. */
  readonly durability: string;
  /** What else there is to tell: format, size in bytes, server version, endpoints, latency in milliseconds … */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}
