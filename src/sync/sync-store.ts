import type { EngineInfo, SyncEngine } from "../engine/contract.ts";
import type { Value } from "../engine/entry.ts";
import { closedError } from "../engine/standard-errors.ts";
import { defaultLocation, type Location, parseLocation } from "../engines/location.ts";
import { openSqliteSyncEngine } from "../engines/sqlite/sync-engine.ts";
import { invalidType, outOfRange, StoreError } from "../errors.ts";
import { backoff } from "../wait/backoff.ts";
import { checkOptions } from "../wait/options.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../wait/timeout.ts";
import { openBlockingEngine } from "./worker/engine.ts";

export interface WriteOptions {
  /** How long to wait for other programs that are writing, in milliseconds. Default 5000; then `ERR_STORE_BUSY`. */
  timeout?: number;
}

export interface TryOptions extends WriteOptions {
  /** How many further tries follow a failure, after a random pause of 50 to 500 ms each. Default 0. */
  retries?: number;
}

/**
 * The blocking API: blocking calls on one store. Any number may be open side by side, in any mix of processes and worker
 * threads. A caller's mistake (a key or value that is no string, a lone surrogate, a key that is too long, an option that is
 * misspelt or of a wrong kind) is a `TypeError` or `RangeError`, also from the functions whose names begin with `try`.
 */
export class SyncStore implements Disposable {
  readonly #location: () => Location;
  #engine: SyncEngine | undefined;
  #isClosed = false;

  /** Use `openStoreSync()`. */
  constructor(location: () => Location) {
    this.#location = location;
  }

  /**
   * The value, or `undefined` if the key does not exist. Throws `StoreError` if it cannot be got, for instance
   * `ERR_STORE_NOT_INITIALIZED` because nothing was ever set; reading creates and changes no file.
   */
  getValue(key: string): string | undefined {
    const value = (this.#engine ?? this.#open()).getValue(key);
    return value === undefined || typeof value === "string" ? value : throwBytes(key);
  }

  /**
   * Sets the value, whether the key exists or not; creates the store if there is none. Throws `StoreError` if it cannot
   * be set, for instance `ERR_STORE_BUSY` because another process is writing and does not finish within `timeout`.
   */
  setValue(key: string, value: string, options?: WriteOptions): void {
    this.#set(key, value, timeoutOf(options, "setValue"));
  }

  /**
   * `true` if the value was created, `false` if the key exists (its value stays). Atomic: of any number of processes that
   * try at once exactly one gets `true`. A store that is busy or broken is a `StoreError`, never `false`.
   */
  createValue(key: string, value: string, options?: WriteOptions): boolean {
    return this.#create(key, value, timeoutOf(options, "createValue"));
  }

  /** Like `getValue`, but `undefined` also when there was a `StoreError`. */
  tryGetValue(key: string): string | undefined {
    try {
      return this.getValue(key);
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }

  /** Whether the value was set, within `retries` further tries. */
  trySetValue(key: string, value: string, options?: TryOptions): boolean {
    return attempt(options, "trySetValue", (timeout) => {
      this.#set(key, value, timeout);
      return true;
    });
  }

  /** Whether the value was created; `false` if the key exists, and also when there was a `StoreError` at every try. */
  tryCreateValue(key: string, value: string, options?: TryOptions): boolean {
    return attempt(options, "tryCreateValue", (timeout) => this.#create(key, value, timeout));
  }

  /** Deletes the key; whether it existed. Throws like `setValue`. */
  deleteValue(key: string, options?: WriteOptions): boolean {
    const timeout = timeoutOf(options, "deleteValue");
    const engine = this.#engine ?? this.#open();
    for (;;) {
      const entry = engine.get(key);
      if (entry === undefined) return false;
      const { ok } = engine.commit(
        { checks: [{ key, version: entry.version }], mutations: [{ type: "delete", key }] },
        { timeout },
      );
      if (ok) return true;
    }
  }

  /** The keys that begin with `prefix`, in the order of their UTF-8 bytes, as of one moment. Throws like `getValue`. */
  keys(prefix = ""): string[] {
    return this.entries(prefix).map(([key]) => key);
  }

  /** The keys that begin with `prefix` with their values. Throws like `getValue`. */
  entries(prefix = ""): [key: string, value: Value][] {
    return (this.#engine ?? this.#open()).list({ prefix }).entries.map(({ key, value }) => [key, value]);
  }

  /** Path, format, size, number of keys and the like. Creates nothing. */
  info(): EngineInfo {
    return (this.#engine ?? this.#open()).info();
  }

  /** Lets go of the file. Idempotent; later calls throw `ERR_STORE_CLOSED`. */
  close(): void {
    this.#isClosed = true;
    this.#engine?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #set(key: string, value: string, timeout: number): void {
    (this.#engine ?? this.#open()).setValue(key, text(value), timeout);
  }

  #create(key: string, value: string, timeout: number): boolean {
    const commit = { checks: [{ key, version: 0 }], mutations: [{ type: "set", key, value: text(value) }] } as const;
    return (this.#engine ?? this.#open()).commit(commit, { timeout }).ok;
  }

  #open(): SyncEngine {
    if (this.#isClosed) throw closedError("store");
    this.#engine = openEngine(this.#location());
    return this.#engine;
  }
}

/**
 * The store at a path or URL; without one, the store that `IPCTOOLS_STORE` names, or this user's default file. Nothing is
 * opened before the first call.
 */
export function openStoreSync(location?: string): SyncStore {
  if (location === undefined) return new SyncStore(defaultLocation);
  const place = parseLocation(location);
  return new SyncStore(() => place);
}

function openEngine(location: Location): SyncEngine {
  if (location.engine === "sqlite") return openSqliteSyncEngine(location.path);
  if (location.engine !== "memory") return openBlockingEngine(location);
  throw new StoreError(
    "ERR_STORE_UNSUPPORTED",
    "the functions that block have no store in memory: use openStore() and await, or a file",
  );
}

function text(value: string): string {
  if (typeof value !== "string") throw invalidType("value", "a string", value);
  return value;
}

const WRITE_OPTIONS: readonly (keyof WriteOptions)[] = ["timeout"];
const TRY_OPTIONS: readonly (keyof TryOptions)[] = ["retries", "timeout"];

function timeoutOf(options: WriteOptions | undefined, call: string, known: readonly string[] = WRITE_OPTIONS): number {
  if (options === undefined) return DEFAULT_TIMEOUT;
  checkOptions(options, known, call);
  return options.timeout === undefined ? DEFAULT_TIMEOUT : checkTimeout(options.timeout);
}

function throwBytes(key: string): never {
  throw new StoreError(
    "ERR_STORE_CODEC",
    `the value of ${JSON.stringify(key)} is bytes, not text: read it with openStore(location, { codec: bytes })`,
  );
}

/** Bounds of the pause before a further attempt, in milliseconds: at least half of the first, and at most the second. */
const SHORTEST_PAUSE = 100;
const LONGEST_PAUSE = 500;
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Calls `act` until it throws no `StoreError`, or until the last of the `retries`. */
function attempt(options: TryOptions | undefined, call: string, act: (timeout: number) => boolean): boolean {
  const timeout = timeoutOf(options, call, TRY_OPTIONS);
  const { retries = 0 } = options ?? {};
  if (typeof retries !== "number") throw invalidType("retries", "a whole number from 0", retries);
  if (!(Number.isSafeInteger(retries) && retries >= 0)) throw outOfRange("retries", "a whole number from 0", retries);
  for (let left = retries; ; left--) {
    try {
      return act(timeout);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (left === 0) return false;
      Atomics.wait(cell, 0, 0, backoff(Infinity, SHORTEST_PAUSE, LONGEST_PAUSE));
    }
  }
}
