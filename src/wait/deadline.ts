import type { WaitOptions } from "../engine/contract.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../engine/limits.ts";
import { invalidType, StoreError } from "../errors.ts";

/** What an engine has beyond the end of the patience, in milliseconds, so that its own time-out does not come first. */
const GRACE = 1000;

/**
 * The end of a caller's patience: the `signal` and the `timeout` that were given, as one signal. It ends with the given
 * signal's reason, or with `ERR_STORE_TIMEOUT`.
 */
export class Deadline implements Disposable {
  /** Where there is nothing that could end it, made only for who asks: most calls wait for nobody. */
  #controller: AbortController | undefined;
  readonly #source: AbortSignal | undefined;
  readonly #abort: (() => void) | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #at: number;

  /** `what` is waited for, as a part of the sentence "… did not come within 500 ms". Without a time-out it has no end. */
  constructor(options: WaitOptions, what: string) {
    const { signal } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalidType("signal", "an AbortSignal", signal);
    const timeout = options.timeout === undefined ? Infinity : checkTimeout(options.timeout);
    const isEndless = timeout === Infinity || options.timeout === Infinity;
    this.#at = isEndless ? Infinity : performance.now() + timeout;
    if (signal === undefined && isEndless) return;
    const controller = new AbortController();
    this.#controller = controller;
    if (signal?.aborted) {
      controller.abort(signal.reason);
      return;
    }
    if (signal !== undefined) {
      this.#source = signal;
      this.#abort = () => controller.abort(signal.reason);
      signal.addEventListener("abort", this.#abort, { once: true });
    }
    if (isEndless) return;
    this.#timer = setTimeout(() => {
      controller.abort(new StoreError("ERR_STORE_TIMEOUT", `${what} did not come within ${timeout} ms`));
    }, timeout);
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** The milliseconds left. */
  get remaining(): number {
    return this.#at === Infinity ? Infinity : Math.max(0, this.#at - performance.now());
  }

  /** What a commit of this call takes as its options. When the patience ends, that ends it, with its own reason. */
  get wait(): WaitOptions {
    const timeout = Math.min(this.remaining + GRACE, DEFAULT_TIMEOUT);
    return this.#controller === undefined ? { timeout } : { signal: this.signal, timeout };
  }

  throwIfOver(): void {
    this.#controller?.signal.throwIfAborted();
  }

  /** Resolves after so many milliseconds, rejects when the patience ends first. It keeps the process alive. */
  pause(milliseconds: number): Promise<void> {
    return pause(milliseconds, this.signal);
  }

  /**
   * What somebody else's work comes to, unless the patience ends first: then it goes on, and nobody waits for it. Where there
   * is a time-out, it keeps the process alive until then.
   */
  async within<T>(work: T | PromiseLike<T>): Promise<T> {
    if (this.signal.aborted) Promise.resolve(work).catch(() => {});
    this.throwIfOver();
    const over = Promise.withResolvers<never>();
    const abort = () => over.reject(this.signal.reason);
    this.signal.addEventListener("abort", abort, { once: true });
    this.#timer?.ref();
    try {
      return await Promise.race([work, over.promise]);
    } finally {
      this.#timer?.unref();
      this.signal.removeEventListener("abort", abort);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#source?.removeEventListener("abort", this.#abort!);
  }
}

/** Resolves after so many milliseconds; rejects with the signal's reason if that is aborted first. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", abort, { once: true });
  });
}
