import type { Channel } from "../coordination/channel/channel.ts";
import type { Participant } from "../coordination/common/participant.ts";
import type { PreparedStep, Step } from "../coordination/common/step.ts";
import type { Counter } from "../coordination/counter.ts";
import type { PushOptions, Queue } from "../coordination/queue/queue.ts";
import type { Check } from "../engine/contract.ts";
import { hasSameKeys } from "../engine/namespace.ts";
import { invalidType, invalidValue } from "../errors.ts";
import { compareAndSet } from "../wait/compare-and-set.ts";
import { Deadline, type WaitOptions } from "../wait/deadline.ts";
import { checkOptions } from "../wait/options.ts";
import { DEFAULT_TIMEOUT } from "../wait/timeout.ts";
import type { Codec } from "./codec.ts";
import { commitFenced, type Draft, type FenceOptions } from "./fenced-commit.ts";
import { lifeOf, type SetOptions } from "./values.ts";

/** Options of `Atomic.commit`. `timeout` bounds all of its attempts. Default: no timeout. */
export interface AtomicOptions extends WaitOptions, Pick<FenceOptions, "fence"> {}

/** What `commit()` resolves to. */
export type AtomicResult =
  /** Everything was made, at this version. */
  | { readonly ok: true; readonly version: number }
  /** Nothing was: one of the checks failed. */
  | { readonly ok: false };

/**
 * Several changes that are made together or not at all, on condition that what was read is still so. Nothing is sent before
 * `commit()`. Beside keys it takes the primitives' own changes: a job, a message, a count, a lock given up.
 */
export class Atomic<Out = string, In = Out> {
  readonly #participant: Participant;
  readonly #codec: Codec<Out, In>;
  readonly #checks: Check[] = [];
  readonly #drafts: (() => Promise<Draft>)[] = [];
  readonly #steps: Step[] = [];
  #isSpent = false;

  /** Use `store.atomic()`. */
  constructor(participant: Participant, codec: Codec<Out, In>) {
    this.#participant = participant;
    this.#codec = codec;
  }

  /** On condition that the entry is unchanged since it was read; `{ key, version: 0 }`: that the key does not exist. */
  check(...entries: readonly { readonly key: string; readonly version: number }[]): this {
    for (const entry of entries) {
      if (typeof entry !== "object" || entry === null)
        throw invalidType("entry", "an entry, or { key, version: 0 } for a key that must not exist", entry);
      this.#checks.push({ key: entry.key, version: entry.version });
    }
    return this;
  }

  /** Sets the value, as `store.set` does. */
  set(key: string, value: In, options: Pick<SetOptions, "ttl" | "ephemeral"> = {}): this {
    checkOptions(options, ["ttl", "ephemeral"], "set");
    this.#drafts.push(async () => ({
      type: "set",
      key,
      value: await this.#codec.encode(value),
      ...lifeOf(options),
    }));
    return this;
  }

  /** Deletes the key, if it exists. */
  delete(key: string): this {
    this.#drafts.push(async () => ({ type: "delete", key }));
    return this;
  }

  /**
   * A primitive's own change, from its method for that (`job.acking()`, `candidacy.resigning()`, …). A `TypeError` if it is of another
   * store or namespace, because it would change the primitive of the same name here.
   */
  with(step: Step): this {
    if (typeof step?.prepare !== "function")
      throw invalidType("step", "what a method such as job.acking() gives", step);
    if (step.engine !== undefined && !hasSameKeys(step.engine, this.#participant.engine))
      throw invalidValue("step", "a step of the same store and namespace as the commit", step);
    this.#steps.push(step);
    return this;
  }

  /** Puts a job into a queue. */
  push<T>(queue: Queue<T>, value: T, options?: PushOptions): this {
    return this.with(queue.pushing(value, options));
  }

  /** Posts a message to a channel. */
  post<T>(channel: Channel<T>, message: T): this {
    return this.with(channel.posting(message));
  }

  /** Adds to a counter. */
  increment(counter: Counter, n = 1): this {
    return this.with(counter.incrementing(n));
  }

  /** Gives up a lock or a permit; `commit()` throws `ERR_STORE_FENCED` if it is no longer held. */
  release(holding: { releasing(): Step }): this {
    return this.with(holding.releasing());
  }

  /**
   * Makes all of it in one step, or nothing. `ok: false` tells that one of the checks failed; somebody else's change of a
   * primitive that takes part is no failure: that is tried again. Throws `ERR_STORE_FENCED`, `ERR_STORE_BUSY`,
   * `ERR_STORE_TIMEOUT`, and a `TypeError` or `RangeError` for a key that is changed twice or more than an engine takes.
   * After `ERR_STORE_OUTCOME_UNKNOWN` (engines on a network) all of it was made, or nothing. Once only.
   */
  async commit(options: AtomicOptions = {}): Promise<AtomicResult> {
    checkOptions(options, ["signal", "timeout", "fence"], "commit");
    if (this.#isSpent) throw invalidValue("commit", "called once: begin another atomic()", "a second call");
    this.#isSpent = true;
    const drafts = await Promise.all(this.#drafts.map((draft) => draft()));
    const deadline = new Deadline(options, "the atomic commit");
    try {
      return await compareAndSet(deadline, async () => {
        const prepared: PreparedStep[] = [];
        for (const step of this.#steps) prepared.push(await deadline.within(step.prepare()));
        return await this.#attempt(drafts, prepared, {
          ...options,
          // Without the deadline's signal: what became of the write is for the engine to say.
          timeout: Math.max(1, Math.min(deadline.remaining, DEFAULT_TIMEOUT)),
        });
      });
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** `undefined`: only a primitive's state has changed under it. */
  async #attempt(
    drafts: readonly Draft[],
    prepared: readonly PreparedStep[],
    options: FenceOptions,
  ): Promise<AtomicResult | undefined> {
    const result = await commitFenced(
      this.#participant,
      {
        checks: [...this.#checks, ...prepared.flatMap(({ checks }) => checks)],
        mutations: [...drafts, ...prepared.flatMap(({ mutations }) => mutations)],
        ...(prepared.length > 0 && { reads: this.#checks.map((check) => ({ key: (check as { key: string }).key })) }),
      },
      options,
    );
    if (result.ok) {
      for (const step of prepared) step.committed?.(result.version);
      return { ok: true, version: result.version };
    }
    const areOwnMet = this.#checks.every(
      (check, i) => (result.reads[i]?.[0]?.version ?? 0) === (check as { version: number }).version,
    );
    return prepared.length > 0 && areOwnMet ? undefined : { ok: false };
  }
}
