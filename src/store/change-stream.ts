import type { Watch } from "../engine/contract.ts";
import type { Change } from "../engine/entry.ts";

/**
 * An engine's watch, one change at a time. It ends for good with its first error. `return()` ends it at once, also while a
 * `next()` is pending, as a generator's would not.
 */
export class ChangeStream<T> implements Watch<T> {
  readonly #batches: Watch<Change[]>;
  readonly #decode: (change: Change) => Promise<T>;
  #held: Change[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(batches: Watch<Change[]>, decode: (change: Change) => Promise<T>) {
    this.#batches = batches;
    this.#decode = decode;
  }

  next(): Promise<IteratorResult<T>> {
    const result = this.#last.then(() => this.#take());
    this.#last = result.catch(() => {});
    return result;
  }

  async return(): Promise<IteratorResult<T>> {
    this.#ended = true;
    this.#held = [];
    await this.#batches.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #take(): Promise<IteratorResult<T>> {
    if (this.#held.length === 0) {
      const batch = await this.#batches.next();
      if (batch.done) return { done: true, value: undefined };
      if (!this.#ended) this.#held = batch.value;
    }
    const change = this.#held.shift();
    if (change === undefined) return { done: true, value: undefined };
    try {
      return { done: false, value: await this.#decode(change) };
    } catch (error) {
      await this.return();
      throw error;
    }
  }
}
