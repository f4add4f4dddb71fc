export interface PushIteratorOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether a pending `next()` keeps the process alive. Default: `true`. */
  readonly keepAlive?: boolean | undefined;
  /** Called once, when the iteration has ended in any way. Not called if the signal was aborted from the start. */
  readonly ended?: (() => void) | undefined;
}

/** A timer's longest interval, in milliseconds. */
const FOREVER = 2 ** 31 - 1;

/**
 * An asynchronous iterator that is fed from outside: a subclass keeps the items that nobody has fetched, and calls `wake()`
 * after it has added one. An iterator that nobody waits for keeps no process alive.
 */
export abstract class PushIterator<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #waiting: PromiseWithResolvers<IteratorResult<T>>[] = [];
  #alive: NodeJS.Timeout | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isEnded = false;
  readonly #signal: AbortSignal | undefined;
  readonly #keepAlive: boolean;
  readonly #ended: (() => void) | undefined;
  readonly #aborted = () => this.fail(this.#signal!.reason);

  constructor({ signal, keepAlive = true, ended }: PushIteratorOptions = {}) {
    this.#signal = signal;
    this.#keepAlive = keepAlive;
    this.#ended = ended;
    if (signal?.aborted) {
      this.#isEnded = true;
      this.#failure = { error: signal.reason };
    } else signal?.addEventListener("abort", this.#aborted, { once: true });
  }

  /** Whether nothing can be added any more. */
  get closed(): boolean {
    return this.#isEnded;
  }

  /** Removes the next item that is kept and returns it as a result. Returns `undefined` if none is kept. */
  protected abstract take(): IteratorYieldResult<T> | undefined;

  /** Drops the items that are kept. */
  protected abstract clear(): void;

  /** Hands the items that are kept to the callers that wait. */
  protected wake(): void {
    while (this.#waiting.length > 0) {
      const result = this.take();
      if (result === undefined) return;
      this.#settle(result);
    }
  }

  /** Ends the iteration with an error, which a pending or the next `next()` throws. Drops the items that are kept. */
  fail(error: unknown): void {
    if (this.#isEnded) return;
    this.clear();
    const first = this.#waiting.shift();
    if (first) first.reject(error);
    else this.#failure = { error };
    this.end();
  }

  /** Ends the iteration once the items that are kept have been fetched. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.#ended?.();
    while (this.#waiting.length > 0) this.#settle({ done: true, value: undefined });
    this.#rest();
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    const result = this.take();
    if (result !== undefined) return Promise.resolve(result);
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    const waiter = Promise.withResolvers<IteratorResult<T>>();
    this.#waiting.push(waiter);
    if (this.#keepAlive) this.#alive ??= setInterval(() => {}, FOREVER);
    return waiter.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.#failure = undefined;
    this.clear();
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #settle(result: IteratorResult<T>): void {
    this.#waiting.shift()!.resolve(result);
    if (this.#waiting.length === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
  }
}
