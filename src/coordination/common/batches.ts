import type { Deadline } from "../../wait/deadline.ts";

/** A call that goes together with others of the same object. */
export interface Call<R> {
  readonly deadline: Deadline;
  readonly result: PromiseWithResolvers<R>;
}

/** Calls of one object, settled one batch after the other: those that come while one is under way are the next. */
export class Batches<R, C extends Call<R>> {
  readonly #settle: (batch: readonly C[]) => Promise<void>;
  readonly #waiting: C[] = [];
  #working = false;

  /** `settle` settles each call of a batch; what it throws rejects all of them. */
  constructor(settle: (batch: readonly C[]) => Promise<void>) {
    this.#settle = settle;
  }

  add(call: C): Promise<R> {
    this.#waiting.push(call);
    if (!this.#working) void this.#work();
    return call.result.promise;
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        await this.#settle(batch);
      } catch (error) {
        for (const { result } of batch) result.reject(error);
      }
    }
    this.#working = false;
  }
}

/** Those whose patience has not ended; the others are rejected. */
export function stillWaiting<
  C extends { readonly deadline: Deadline; readonly result: { reject(reason: unknown): void } },
>(calls: readonly C[]): readonly C[] {
  return calls.filter(({ deadline: { signal }, result }) => {
    if (signal.aborted) result.reject(signal.reason);
    return !signal.aborted;
  });
}
