import { StoreError } from "../../errors.ts";

/** The messages of a channel for one `for await`. What was not yet fetched is kept, up to a capacity. */
export class ChannelIterator<T> implements AsyncIterableIterator<T> {
  readonly #capacity: number;
  readonly #ended: () => void;
  readonly #messages: T[] = [];
  readonly #waiting: PromiseWithResolvers<IteratorResult<T>>[] = [];
  #failure: { readonly error: unknown } | undefined;
  #done = false;

  constructor(capacity: number, ended: () => void) {
    this.#capacity = capacity;
    this.#ended = ended;
  }

  push(message: T): void {
    if (this.#done) return;
    const waiter = this.#waiting.shift();
    if (waiter) waiter.resolve({ done: false, value: message });
    else if (this.#messages.push(message) > this.#capacity)
      this.fail(
        new StoreError(
          "ERR_STORE_LAGGING",
          `This iteration fell more than ${this.#capacity} messages behind; handle them faster, or give the channel a larger capacity`,
        ),
      );
  }

  /** Ends it with an error, which the next `next()` throws; what is still in is dropped. */
  fail(error: unknown): void {
    if (this.#done) return;
    const waiter = this.#waiting.shift();
    if (waiter) waiter.reject(error);
    else this.#failure = { error };
    this.#messages.length = 0;
    this.end();
  }

  /** Ends it after what is still in. */
  end(): void {
    if (this.#done) return;
    this.#done = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    this.#ended();
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      throw error;
    }
    if (this.#messages.length > 0) return { done: false, value: this.#messages.shift()! };
    if (this.#done) return { done: true, value: undefined };
    const waiter = Promise.withResolvers<IteratorResult<T>>();
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  async return(): Promise<IteratorResult<T>> {
    this.#messages.length = 0;
    this.#failure = undefined;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
