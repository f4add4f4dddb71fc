import type { BatchLimits } from "../../engine/limits.ts";
import type { Deadline } from "../../wait/deadline.ts";

/** A call that goes together with others of the same object. */
export interface Call<R> {
  readonly result: PromiseWithResolvers<R>;
  /** How many bytes it adds to the commit. */
  readonly bytes?: number;
  /** The call must not be written before this has settled. */
  readonly after?: Promise<unknown> | undefined;
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
