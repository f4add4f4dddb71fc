import { invalidType, StoreError } from "../errors.ts";
import { pause } from "./pause.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "./timeout.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** How a call that waits for others (a lock, a value, a job) ends without success. */
export interface WaitOptions {
  /** Ends the wait when it is aborted. The call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait, in milliseconds, until the call rejects with `ERR_STORE_TIMEOUT`. Default: no timeout. */
  readonly timeout?: number | undefined;
}

/** How much longer an engine may take than the deadline, in milliseconds, so that its own timeout does not come first. */
const GRACE = 1000;

/** The end of a wait: the caller's `signal` and `timeout` as one signal. */
export class Deadline implements Disposable {
  /** Created when first used, unless something can end the wait: most calls wait for nobody. */
  #controller: AbortController | undefined;
  readonly #source: AbortSignal | undefined;
  readonly #abort: (() => void) | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #at: number;

  /** `awaited` completes the sentence "Timed out after 500 ms waiting for …". */
  constructor(options: WaitOptions, awaited: string) {
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
      controller.abort(new StoreError("ERR_STORE_TIMEOUT", `Timed out after ${timeout} ms waiting for ${awaited}`));
    }, timeout);
    this.#timer.unref();
  }

  /** Aborted with the caller's reason, or with `ERR_STORE_TIMEOUT`. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** The milliseconds left. */
  get remaining(): number {
    return this.#at === Infinity ? Infinity : Math.max(0, this.#at - performance.now());
  }

  /** The options for a commit that belongs to the wait: the deadline ends it, with the deadline's own reason. */
  get commit(): WaitOptions {
    const timeout = Math.min(this.remaining + GRACE, DEFAULT_TIMEOUT);
    return this.#controller === undefined ? { timeout } : { signal: this.signal, timeout };
  }

  throwIfOver(): void {
    this.#controller?.signal.throwIfAborted();
  }

  /** Resolves after this many milliseconds. Rejects at the deadline. It keeps the process alive. */
  pause(milliseconds: number): Promise<void> {
    return pause(milliseconds, { signal: this.signal });
  }

  /**
   * Settles as `work` does, or rejects at the deadline; then the work goes on, and nobody waits for it. Where there is a
   * timeout, it keeps the process alive until then.
   */
  async within<T>(work: T | PromiseLike<T>): Promise<T> {
    // Nothing can end the wait.
    if (this.#controller === undefined) return work;
    // Nothing can end the wait.
    if (this.#controller === undefined) return work;
    this.#timer?.ref();
    try {
      return await unlessAborted(Promise.resolve(work), this.signal);
    } finally {
      this.#timer?.unref();
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#source?.removeEventListener("abort", this.#abort!);
  }
}
