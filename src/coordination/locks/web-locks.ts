import { invalidType } from "../../errors.ts";
import type { LockClient, LockManner } from "./client.ts";
import type { LockMode } from "./layout.ts";
import type { Lock } from "./lock.ts";
import { lockTable } from "./table.ts";

export interface LockRequestOptions {
  /** Default `"exclusive"`. Any number of shared holders, or one exclusive one. */
  readonly mode?: LockMode;
  /** The callback gets `null` if the lock cannot be had at once. */
  readonly ifAvailable?: boolean;
  /** Takes the lock from its holders, whose requests reject with an `AbortError`. Those who wait keep their places. */
  readonly steal?: boolean;
  /** Ends the wait. Has no effect once the lock is granted. */
  readonly signal?: AbortSignal;
  /** How long to wait, in milliseconds; then `ERR_STORE_TIMEOUT`. Default: no end. (Not in the standard.) */
  readonly timeout?: number;
}

export interface LockInfo {
  readonly name: string;
  readonly mode: LockMode;
  /** The session of the holder: one for each open store. */
  readonly clientId: string;
}

export interface LockManagerSnapshot {
  readonly held: LockInfo[];
  readonly pending: LockInfo[];
}

type LockCallback<T> = (lock: Lock) => T;

/**
 * The `LockManager` of the Web Locks API (W3C, https://w3c.github.io/web-locks/), across all processes that open the store. Requests are
 * granted in the order in which they were made. Beyond the standard, the granted lock has `token`, `signal`, `ownerDied` and is a
 * fence, and a lock that is lost while it is held (the session ended, the store was closed) rejects the request like a stolen
 * one, with the reason of the lock's `signal`.
 */
export class LockManager {
  readonly #client: LockClient;

  constructor(client: LockClient) {
    this.#client = client;
  }

  /**
   * Calls back when the lock is granted, holds it until what the callback returns has settled, and then settles the same way.
   *
   * Rejects with a `TypeError` for arguments of the wrong kind; a `NotSupportedError` for names that begin with `-` and for
   * options that exclude each other; the signal's reason; an `AbortError` when the lock was stolen.
   */
  request<T>(name: string, callback: LockCallback<T>): Promise<Awaited<T>>;
  request<T>(
    name: string,
    options: LockRequestOptions & { readonly ifAvailable: true },
    callback: (lock: Lock | null) => T,
  ): Promise<Awaited<T>>;
  request<T>(name: string, options: LockRequestOptions, callback: LockCallback<T>): Promise<Awaited<T>>;
  async request(...args: unknown[]): Promise<unknown> {
    if (args.length < 2) throw invalidType("arguments", "a name and a callback at least", `${args.length} of them`);
    const name = toText(args[0], "name");
    const given = args.length === 2 ? undefined : args[1];
    const callback = args.length === 2 ? args[1] : args[2];
    if (typeof callback !== "function") throw invalidType("callback", "a function", callback);
    const options = readOptions(given);
    const { manner } = options;
    if (name.startsWith("-")) throw notSupported("names that begin with - are reserved");
    if (options.ifAvailable && manner === "steal") throw notSupported("steal and ifAvailable exclude each other");
    if (manner === "steal" && options.mode !== "exclusive") throw notSupported("only an exclusive lock can be stolen");
    if (options.signal && manner !== "wait") throw notSupported("signal excludes steal and ifAvailable");
    const { mode, signal, timeout } = options;
    signal?.throwIfAborted();
    const wait = { mode, ...(signal && { signal }), ...(timeout !== undefined && { timeout }) };
    const lock = await this.#client.acquire(name, wait, manner);
    return lock ? hold(lock, callback as LockCallback<unknown>) : callback(null);
  }

  /** Who holds and who waits now, across all processes, the requests that were made before included. */
  async query(): Promise<LockManagerSnapshot> {
    await this.#client.entered();
    const table = await lockTable(this.#client.participant.engine);
    const info = ({ name, mode, session }: { name: string; mode: LockMode; session: string }): LockInfo => {
      return { name, mode, clientId: session };
    };
    return {
      held: table.flatMap(({ held }) => held.map(info)),
      pending: table.flatMap(({ waiting }) => waiting.map(info)),
    };
  }
}

async function hold(lock: Lock, callback: LockCallback<unknown>): Promise<unknown> {
  const lost = Promise.withResolvers<never>();
  const lose = () => lost.reject(lock.signal.reason);
  if (lock.signal.aborted) lose();
  else lock.signal.addEventListener("abort", lose, { once: true });
  try {
    return await Promise.race([lost.promise, (async () => callback(lock))()]);
  } finally {
    await lock.release();
    lock.signal.removeEventListener("abort", lose);
    lock.signal.throwIfAborted();
  }
}

interface ReadOptions {
  readonly mode: LockMode;
  readonly ifAvailable: boolean;
  readonly manner: LockManner;
  readonly signal: AbortSignal | undefined;
  readonly timeout: number | undefined;
}

/** The conversions of Web IDL, in its order: members by name. */
function readOptions(given: unknown): ReadOptions {
  if (given !== undefined && given !== null && typeof given !== "object" && typeof given !== "function")
    throw invalidType("options", "an object", given);
  const options = (given ?? {}) as Record<string, unknown>;
  const ifAvailable = Boolean(options.ifAvailable);
  const mode = options.mode === undefined ? "exclusive" : toText(options.mode, "mode");
  if (mode !== "exclusive" && mode !== "shared") throw invalidType("mode", '"exclusive" or "shared"', mode);
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalidType("signal", "an AbortSignal", signal);
  const manner = options.steal ? "steal" : ifAvailable ? "if-available" : "wait";
  return { mode, ifAvailable, manner, signal, timeout: options.timeout as number | undefined };
}

function toText(value: unknown, name: string): string {
  if (typeof value === "symbol") throw invalidType(name, "a string", value);
  return String(value);
}

function notSupported(message: string): DOMException {
  return new DOMException(message, "NotSupportedError");
}
