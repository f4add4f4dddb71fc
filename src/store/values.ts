import type { Participant } from "../coordination/common/participant.ts";
import type { Awaitable, Watch } from "../engine/contract.ts";
import type { Entry } from "../engine/entry.ts";
import { pages } from "../engine/pages.ts";
import { invalidType, outOfRange, StoreError } from "../errors.ts";
import { compareAndSet } from "../wait/compare-and-set.ts";
import { Deadline, type WaitOptions } from "../wait/deadline.ts";
import { checkOptions } from "../wait/options.ts";
import { DEFAULT_TIMEOUT } from "../wait/timeout.ts";
import { ChangeStream } from "./change-stream.ts";
import type { Codec } from "./codec.ts";
import { decodeChange, decodeEntry, type StoreChange, type StoreEntry } from "./entry.ts";
import { commitFenced, type Draft, type FenceOptions } from "./fenced-commit.ts";
import type { KeyRange, ListOptions } from "./list.ts";
import { untilState } from "./wait-for.ts";

const FENCE = ["signal", "timeout", "fence"];
const SET = [...FENCE, "ttl", "ephemeral"];
const LIST = ["prefix", "start", "end", "reverse", "limit", "signal"];

export interface SetOptions extends FenceOptions {
  /** The entry goes after so many milliseconds. Default: it stays. */
  readonly ttl?: number;
  /** The entry goes when this store is closed or its process or thread ends in any way. Not with `ttl`. Default `false`. */
  readonly ephemeral?: boolean;
}

/** Options of a call that reads and writes until nobody else was faster. */
export interface UpdateOptions extends WaitOptions, Pick<SetOptions, "fence" | "ttl" | "ephemeral"> {}

export interface WatchStoreOptions {
  /** The last version that was already seen: what came after it is reported. Default: the version at the call. */
  readonly from?: number;
  /** Ends the watch; the reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * The values of a store. Every call may fail with a `StoreError`; a key or value that can never be taken is a `TypeError` or
 * `RangeError`. Writes take `timeout` (how long they wait for other programs, in milliseconds, default 5000; then
 * `ERR_STORE_BUSY`, on a network `ERR_STORE_UNAVAILABLE` or `ERR_STORE_OUTCOME_UNKNOWN`), `signal` and `fence`.
 */
export class SharedValues<Out = string, In = Out> {
  readonly #participant: Participant;
  readonly #codec: Codec<Out, In>;

  constructor(participant: Participant, codec: Codec<Out, In>) {
    this.#participant = participant;
    this.#codec = codec;
  }

  /** The value, or `undefined` if the key does not exist. `ERR_STORE_CODEC` if what is stored is no such value. */
  async get(key: string): Promise<Out | undefined> {
    return (await this.getEntry(key))?.value;
  }

  /** The value with its version and the like. */
  async getEntry(key: string): Promise<StoreEntry<Out> | undefined> {
    const entry = await this.#participant.engine.get(key);
    return entry && decodeEntry(this.#codec, entry);
  }

  /** Whether the key exists, whatever its value. */
  async has(key: string): Promise<boolean> {
    return (await this.#participant.engine.get(key)) !== undefined;
  }

  /** Sets the value, whether the key exists or not, and resolves to the version of the write. */
  async set(key: string, value: In, options: SetOptions = {}): Promise<number> {
    checkOptions(options, SET, "set");
    const draft = { mutations: [await this.#drafted(key, value, options)] };
    return (await commitFenced(this.#participant, draft, options)).version;
  }

  /** `true` if the value was created, `false` if the key exists. Of any number who try at once exactly one gets `true`. */
  async create(key: string, value: In, options: SetOptions = {}): Promise<boolean> {
    checkOptions(options, SET, "create");
    const draft = { checks: [{ key, version: 0 }], mutations: [await this.#drafted(key, value, options)] };
    return (await commitFenced(this.#participant, draft, options)).ok;
  }

  /** Deletes the key; whether it existed. */
  async delete(key: string, options: FenceOptions = {}): Promise<boolean> {
    checkOptions(options, FENCE, "delete");
    return this.#change(key, { timeout: DEFAULT_TIMEOUT, ...options }, (entry) => ({
      draft: entry && { type: "delete", key },
      result: entry !== undefined,
    }));
  }

  /**
   * Reads, lets `fn` make a new value of it and writes that, if nobody was faster; else once more, from what they wrote.
   * Resolves to the new value. `fn` runs outside any lock, as often as it takes; it gets `undefined` for a key that does not
   * exist, and deletes the key by returning `undefined`. As with `set`, the entry has the `ttl` and the owner of `options` and
   * not its former ones. `timeout` is for all of it (then `ERR_STORE_TIMEOUT`); without one it goes on until it succeeds.
   */
  async update(
    key: string,
    fn: (value: Out | undefined, entry: StoreEntry<Out> | undefined) => Awaitable<In | undefined>,
    options: UpdateOptions = {},
  ): Promise<Out | undefined> {
    if (typeof fn !== "function") throw invalidType("fn", "a function", fn);
    checkOptions(options, SET, "update");
    return this.#change(key, options, async (entry) => {
      const before = entry && (await decodeEntry(this.#codec, entry));
      const after = await fn(before?.value, before);
      if (after === undefined) return { draft: entry && { type: "delete", key }, result: undefined };
      const draft = await this.#drafted(key, after, options);
      return { draft, result: await this.#codec.decode(draft.value) };
    });
  }

  /**
   * Adds `n` (default 1) to the whole number that is stored as decimal text (a string of the default codec, a number of
   * `json`), 0 if the key does not exist, and resolves to the sum. `ERR_STORE_CODEC` if something else is stored, a
   * `RangeError` if the sum is no safe integer. `ttl` and `timeout` as for `update`.
   */
  async increment(key: string, n = 1, options: UpdateOptions = {}): Promise<number> {
    checkOptions(options, SET, "increment");
    if (typeof n !== "number") throw invalidType("n", "a number", n);
    if (!Number.isSafeInteger(n)) throw outOfRange("n", "a safe integer", n);
    return this.#change(key, options, (entry) => {
      const sum = (entry === undefined ? 0 : wholeNumber(entry)) + n;
      if (!Number.isSafeInteger(sum)) throw outOfRange("sum", "a safe integer", sum);
      const draft = { type: "set", key, value: String(sum), ...lifeOf(options) } as const;
      return { draft, result: sum };
    });
  }

  /**
   * The entries of a range in the order of their keys' UTF-8 bytes, however many: they are read a page at a time. What exists
   * throughout comes exactly once; what is written or deleted meanwhile may be missed.
   */
  async *list(options: ListOptions = {}): AsyncGenerator<StoreEntry<Out>, void, void> {
    for await (const page of this.#pages(options))
      for (const entry of page) yield await decodeEntry(this.#codec, entry);
  }

  /** The keys of a range, as `list` gives them. */
  async *keys(options: ListOptions = {}): AsyncGenerator<string, void, void> {
    for await (const page of this.#pages(options)) for (const { key } of page) yield key;
  }

  /**
   * Deletes the keys that begin with `prefix` (`""`: all), and resolves to how many there were. A part at a time: others may see
   * some of them gone and some not. What is created meanwhile may stay.
   */
  async clear(prefix: string, options: FenceOptions = {}): Promise<number> {
    checkOptions(options, FENCE, "clear");
    if (typeof prefix !== "string") throw invalidType("prefix", "a string", prefix);
    let count = 0;
    const { limits } = this.#participant.engine.capabilities;
    const fences = options.fence === undefined ? 0 : 2 * [options.fence].flat().length;
    for await (const page of pages(
      this.#participant.engine,
      { prefix },
      { longest: limits.commitOperations - fences },
    )) {
      const mutations = page.map(({ key }) => ({ type: "delete", key }) as const);
      await commitFenced(this.#participant, { mutations }, options);
      count += page.length;
    }
    return count;
  }

  /**
   * What changes at a key or in a range, from the call on (or after version `from`). Several changes of one key may be merged,
   * the latest always comes. `ERR_STORE_HISTORY_LOST` if what came after `from` is no longer held: list, and watch anew;
   * `ERR_STORE_CLOSED` when the store is closed; `ERR_STORE_CODEC` at what cannot be read. `return()` or leaving the loop ends it.
   */
  watch(target: string | KeyRange, options: WatchStoreOptions = {}): Watch<StoreChange<Out>> {
    checkOptions(options, ["from", "signal"], "watch");
    const range = typeof target === "string" ? { key: target } : target;
    if (typeof range !== "object" || range === null)
      throw invalidType("target", 'a key or a range such as { prefix: "a/" }', target);
    const changes = this.#participant.engine.watch([range], options);
    return new ChangeStream(changes, (change) => decodeChange(this.#codec, change));
  }

  /**
   * Resolves to the value once the key exists, or once `predicate` says yes to what is there (which may be nothing:
   * `undefined`). It sees the newest state, not every state in between. `timeout` in milliseconds: then `ERR_STORE_TIMEOUT`;
   * default: it waits without end.
   */
  async waitFor(key: string, predicate?: undefined, options?: WaitOptions): Promise<Out>;
  async waitFor<Found extends Out | undefined>(
    key: string,
    predicate: (value: Out | undefined, entry: StoreEntry<Out> | undefined) => value is Found,
    options?: WaitOptions,
  ): Promise<Found>;
  async waitFor(
    key: string,
    predicate: (value: Out | undefined, entry: StoreEntry<Out> | undefined) => Awaitable<boolean>,
    options?: WaitOptions,
  ): Promise<Out | undefined>;
  async waitFor(
    key: string,
    predicate: (value: Out | undefined, entry: StoreEntry<Out> | undefined) => Awaitable<boolean> = (_, entry) =>
      entry !== undefined,
    options: WaitOptions = {},
  ): Promise<Out | undefined> {
    if (typeof predicate !== "function") throw invalidType("predicate", "a function", predicate);
    checkOptions(options, ["signal", "timeout"], "waitFor");
    const deadline = new Deadline(options, `key ${JSON.stringify(key)}`);
    try {
      return await untilState(this.#participant.engine, key, deadline, async (found) => {
        const entry = found && (await decodeEntry(this.#codec, found));
        return (await predicate(entry?.value, entry)) ? { state: entry?.value } : undefined;
      });
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  #pages(options: ListOptions): AsyncIterable<Entry[]> {
    checkOptions(options, LIST, "list");
    const { signal, ...range } = options;
    return pages(this.#participant.engine, range, { signal });
  }

  async #drafted(
    key: string,
    value: In,
    options: Pick<SetOptions, "ttl" | "ephemeral">,
  ): Promise<Draft & { readonly type: "set" }> {
    return { type: "set", key, value: await this.#codec.encode(value), ...lifeOf(options) };
  }

  /** Compare-and-set of one key, a failed try having read the newest state. Without a draft the key stays absent. */
  async #change<T>(
    key: string,
    options: UpdateOptions,
    make: (entry: Entry | undefined) => Awaitable<{ readonly draft: Draft | undefined; readonly result: T }>,
  ): Promise<T> {
    const deadline = new Deadline(options, `the change of key ${JSON.stringify(key)}`);
    try {
      let entry = await this.#participant.engine.get(key);
      const { result } = await compareAndSet(deadline, async () => {
        const made = await deadline.within(make(entry));
        const draft = {
          checks: [{ key, version: entry?.version ?? 0 }],
          mutations: made.draft ? [made.draft] : [],
          reads: [{ key }],
        };
        const committed = await commitFenced(this.#participant, draft, {
          ...options,
          // Without the deadline's signal: what became of the write is for the engine to say.
          timeout: Math.max(1, Math.min(deadline.remaining, DEFAULT_TIMEOUT)),
        });
        entry = committed.reads[0]![0];
        return committed.ok ? made : undefined;
      });
      return result;
    } finally {
      deadline[Symbol.dispose]();
    }
  }
}

/** What binds an entry to a time or to the store's session. */
export function lifeOf({ ttl, ephemeral }: Pick<SetOptions, "ttl" | "ephemeral">): {
  ttl?: number;
  ephemeral?: boolean;
} {
  return { ...(ttl !== undefined && { ttl }), ...(ephemeral && { ephemeral }) };
}

function wholeNumber({ key, value }: Entry): number {
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new StoreError(
    "ERR_STORE_CODEC",
    `the value of ${JSON.stringify(key)} is no whole number: set it to one first`,
  );
}
