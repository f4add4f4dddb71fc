import type { Value } from "../engine/entry.ts";
import { checkTtl } from "../engine/validate.ts";
import { invalidType, outOfRange, StoreError } from "../errors.ts";
import { compareAndSet } from "../wait/compare-and-set.ts";
import { Deadline, type WaitOptions } from "../wait/deadline.ts";
import { checkOptions } from "../wait/options.ts";
import { DEFAULT_TIMEOUT, LONGEST_TIMEOUT } from "../wait/timeout.ts";
import { retryTransient } from "../wait/transient.ts";
import { unlessAborted } from "../wait/unless-aborted.ts";
import { Batches, type PatientCall, stillWaiting } from "./common/batches.ts";
import type { Participant } from "./common/participant.ts";
import { type Seen, SharedState } from "./common/shared-state.ts";
import { systemKey } from "./common/system-key.ts";

export interface RateLimitOptions {
  /** How many are granted in any span of `per` milliseconds. From 1 to 1,000,000,000. */
  readonly limit: number;
  /** The span, in milliseconds. */
  readonly per: number;
}

export interface RateDecision {
  readonly granted: boolean;
  /** How many more would be granted now. */
  readonly remaining: number;
  /** After how many milliseconds as many as were asked for could be granted; 0 if they were. */
  readonly retryAfter: number;
}

/** How things stand, for a call that asks for one. */
export type RateLimitState = Omit<RateDecision, "granted">;

/** Grants in the order of their times: when (milliseconds since the epoch) and how many. */
type Log = readonly (readonly [time: number, count: number])[];

interface Asking extends PatientCall<RateDecision> {
  readonly count: number;
}

/** Above this limit grants are kept in so many slots of the span instead of one by one. */
const SLOTS = 128;
const HIGHEST_LIMIT = 1_000_000_000;

/*
 * Algorithm: the sliding window log, its grants gathered in slots as those of sliding window counters, in one entry that is
 * changed by compare-and-set (without the approximation of counters that weigh the window before); calls of one object that
 * come while a commit is under way go together in the next one.
 */

/**
 * A sliding-window limit that all processes share: never more than `limit` grants in any span of `per` milliseconds, by the
 * processes' clocks. Everybody should give the same `limit` and `per`. Up to a limit of 128 a grant returns exactly `per` after
 * it was given; above, grants that fall into one of 128 slots of the span return together with the last of them, so at
 * most 1/128 of `per` later and never sooner. A limit that nobody uses for `per` leaves nothing in the store.
 */
export class RateLimit {
  readonly name: string;
  readonly limit: number;
  readonly per: number;
  readonly #state: SharedState<Log>;
  readonly #askings = new Batches<RateDecision, Asking>((batch) => this.#decideAll(batch));
  /** Resolves when the `take()` that was called last has ended. */
  #last: Promise<void> = Promise.resolve();

  constructor(participant: Participant, name: string, options: RateLimitOptions) {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    checkOptions(options, ["limit", "per"], "rateLimit");
    const { limit, per }: Partial<RateLimitOptions> = options ?? {};
    this.limit = checkWhole(limit, "limit", HIGHEST_LIMIT);
    checkTtl(per);
    if (per > LONGEST_TIMEOUT) throw outOfRange("per", `at most ${LONGEST_TIMEOUT} milliseconds`, per);
    this.name = name;
    this.per = per;
    this.#state = new SharedState(participant.engine, systemKey("rate-limit", name), (value) => this.#parse(value));
  }

  /** Takes `count` (default 1) if they are to be had now, all or none. `timeout` as for a commit, default 5000. */
  async tryTake(count = 1, options: WaitOptions = {}): Promise<RateDecision> {
    checkWhole(count, "count", this.limit);
    checkOptions(options, ["signal", "timeout"], "tryTake");
    const deadline = new Deadline({ ...options, timeout: options.timeout ?? DEFAULT_TIMEOUT }, this.#awaited);
    try {
      return await this.#decide(count, deadline);
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /**
   * Waits until `count` (default 1) are granted; calls on one object are served in their order. Rejects with the signal's
   * reason, `ERR_STORE_TIMEOUT` (default: no time-out) or `ERR_STORE_CLOSED`: then nothing was taken.
   */
  async take(count = 1, options: WaitOptions = {}): Promise<RateDecision> {
    checkWhole(count, "count", this.limit);
    checkOptions(options, ["signal", "timeout"], "take");
    const deadline = new Deadline(options, this.#awaited);
    const before = this.#last;
    const own = Promise.withResolvers<void>();
    this.#last = own.promise;
    try {
      await unlessAborted(before, deadline.signal);
      for (;;) {
        const decision = await retryTransient([deadline.signal], () => this.#decide(count, deadline));
        if (decision.granted) return decision;
        await deadline.pause(decision.retryAfter);
      }
    } finally {
      deadline[Symbol.dispose]();
      void before.then(own.resolve);
    }
  }

  /** How things stand, without taking any. */
  async state(): Promise<RateLimitState> {
    const { state } = await this.#state.read();
    const now = Date.now();
    const { remaining, retryAfter } = this.#describe(false, this.#current(state, now), 1, now);
    return { remaining, retryAfter };
  }

  /** Forgets what was granted. */
  async reset(options: WaitOptions = {}): Promise<void> {
    checkOptions(options, ["signal", "timeout"], "reset");
    await this.#state.overwrite(undefined, options);
  }

  get #awaited(): string {
    return `a grant of rate limit ${JSON.stringify(this.name)}`;
  }

  #decide(count: number, deadline: Deadline): Promise<RateDecision> {
    return this.#askings.add({ count, deadline, result: Promise.withResolvers() });
  }

  /** Settles each. */
  async #decideAll(batch: readonly Asking[]): Promise<void> {
    let open = batch;
    // A state that was seen before may be old: it is enough to try, and never enough to refuse.
    let fresh = this.#state.latest === undefined;
    await this.#state.prepare();
    await compareAndSet(new Deadline({}, this.#awaited), async () => {
      open = stillWaiting(open);
      let decided = this.#judge(open, this.#state.latest!);
      if (!fresh && decided.decisions.some(({ granted }) => !granted))
        decided = this.#judge(open, await this.#state.read());
      const { decisions, version, value } = decided;
      if (decisions.some(({ granted }) => granted)) {
        fresh = true;
        if (!(await this.#state.replace(version, { value, ttl: this.per }, open))) return undefined;
      }
      for (const [i, { result }] of open.entries()) result.resolve(decisions[i]!);
      return true;
    });
  }

  /** What each gets, one after the other, and the entry's value after that. */
  #judge(open: readonly Asking[], { state, version }: Seen<Log>) {
    const now = Date.now();
    let log = this.#current(state, now);
    const decisions = open.map(({ count }) => {
      const granted = sum(log) + count <= this.limit;
      if (granted) log = this.#add(log, now, count);
      return this.#describe(granted, log, count, now);
    });
    return { decisions, version, value: JSON.stringify(log) };
  }

  /** The grants that still count. One of a clock that is ahead counts from now on. */
  #current(log: Log, now: number): Log {
    return log.filter(([time]) => time + this.per > now).map(([time, count]) => [Math.min(time, now), count]);
  }

  #add(log: Log, now: number, count: number): Log {
    const last = log.at(-1);
    const slot = (time: number) => (this.limit > SLOTS ? Math.floor((time * SLOTS) / this.per) : time);
    if (last && slot(last[0]) === slot(now)) return [...log.slice(0, -1), [now, last[1] + count]];
    return [...log, [now, count]];
  }

  #describe(granted: boolean, log: Log, count: number, now: number): RateDecision {
    const remaining = this.limit - sum(log);
    let retryAfter = 0;
    let free = remaining;
    if (!granted)
      for (const [time, each] of log) {
        if (free >= count) break;
        free += each;
        retryAfter = time + this.per - now;
      }
    return { granted, remaining, retryAfter: Math.ceil(retryAfter) };
  }

  #parse(value: Value | undefined): Log {
    if (value === undefined) return [];
    try {
      const log = JSON.parse(value as string) as Log;
      if (log.every(([time, count]) => Number.isFinite(time) && Number.isSafeInteger(count))) return log;
    } catch {
      // Not JSON, or not a list: the error below reports it.
    }
    throw new StoreError(
      "ERR_STORE_CODEC",
      `Cannot read rate limit ${JSON.stringify(this.name)}: its entry holds no grants. Call reset()`,
    );
  }
}

function sum(log: Log): number {
  return log.reduce((all, [, count]) => all + count, 0);
}

function checkWhole(value: unknown, name: string, most: number): number {
  if (typeof value !== "number") throw invalidType(name, "a number", value);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw outOfRange(name, `a whole number from 1 to ${most}`, value);
  return value;
}
