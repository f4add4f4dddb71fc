import type { EngineLimits } from "../../engine/capabilities.ts";
import type { Deadline } from "../../wait/deadline.ts";

/** The most calls in one commit, and their bytes where the engine takes that many. */
const MOST_CALLS = 64;
const MOST_BYTES = 1024 * 1024;

/** A call that goes together with others of the same object. */
export interface Call<R> {
  readonly result: PromiseWithResolvers<R>;
  /** How many bytes it adds to the commit. */
  readonly bytes?: number;
  /** The call must not be written before this has settled. */
  readonly after?: Promise<unknown> | undefined;
}

export interface BatchLimits {
  readonly calls: number;
  readonly bytes: number;
}

/** The limits of a batch in which each call takes `perCall` operations of a commit, and all of them together `besides` more. */
export function batchLimits(limits: EngineLimits, perCall: number, besides: number): BatchLimits {
  const most = Math.floor((limits.commitOperations - besides) / perCall);
  return { calls: Math.max(1, Math.min(MOST_CALLS, most)), bytes: Math.min(MOST_BYTES, limits.commitBytes / 2) };
}

/** Calls of one object, settled in their order, one batch after the other: those that come while one is under way are the next. */
export class Batches<R, C extends Call<R>> {
  readonly #settle: (batch: readonly C[]) => Promise<void>;
  readonly #limits: BatchLimits;
  readonly #waiting: C[] = [];
  #working: Promise<void> | undefined;

  /** `settle` settles each call of a batch. An error that it throws rejects the calls that are not settled. */
  constructor(
    settle: (batch: readonly C[]) => Promise<void>,
    limits: BatchLimits = { calls: Infinity, bytes: Infinity },
  ) {
    this.#settle = settle;
    this.#limits = limits;
  }

  add(call: C): Promise<R> {
    this.#waiting.push(call);
    this.#working ??= this.#work();
    return call.result.promise;
  }

  /** Resolves when every call is settled. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#waiting[0]!.after;
      const batch = this.#next();
      try {
        await this.#settle(batch);
      } catch (error) {
        for (const { result } of batch) result.reject(error);
      }
    }
    this.#working = undefined;
  }

  #next(): C[] {
    const [first] = this.#waiting;
    let count = 0;
    for (let bytes = 0; count < Math.min(this.#limits.calls, this.#waiting.length); count++) {
      const call = this.#waiting[count]!;
      bytes += call.bytes ?? 0;
      if (count > 0 && (bytes > this.#limits.bytes || call.after !== first!.after)) break;
    }
    return this.#waiting.splice(0, count);
  }
}

/** A call that waits until its own deadline. */
export interface PatientCall<R> extends Call<R> {
  readonly deadline: Deadline;
}

interface Rejectable {
  readonly deadline: Deadline;
  readonly result: { reject(reason: unknown): void };
}

/** The calls whose deadline has not come. The others are rejected. */
export function stillWaiting<C extends Rejectable>(calls: readonly C[]): readonly C[] {
  return calls.filter(({ deadline: { signal }, result }) => {
    if (signal.aborted) result.reject(signal.reason);
    return !signal.aborted;
  });
}
