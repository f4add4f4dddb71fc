import type { Change } from "./entry.ts";
import { spaceKey } from "./validate.ts";

export interface ChangeQueueOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether a pending `next()` keeps the process alive. Default true. */
  readonly keepAlive?: boolean | undefined;
  /** Called once, when the queue has ended in whichever way: frees what fed it. Not called if it was aborted from the start. */
  readonly ended?: () => void;
}

/** A timer's longest interval, in milliseconds. */
const FOREVER = 2 ** 31 - 1;

/**
 * What an engine's `watch` returns: changes go in at one end and come out at the other. What was not yet fetched is kept as
 * the latest change of each key, in the order of versions, so that a slow reader costs as much as the keys it watches and no
 * more. A pending `next()` keeps the process alive unless told otherwise; a queue that nobody waits for does not.
 */
export class ChangeQueue implements AsyncIterableIterator<Change[]> {
  #pending = new Map<string, Change>();
  readonly #waiting: PromiseWithResolvers<IteratorResult<Change[]>>[] = [];
  #alive: NodeJS.Timeout | undefined;
  #failure: { readonly error: unknown } | undefined;
  #done = false;
  readonly #signal: AbortSignal | undefined;
  readonly #keepAlive: boolean;
  readonly #ended: (() => void) | undefined;
  readonly #aborted = () => this.fail(this.#signal!.reason);

  constructor(options: ChangeQueueOptions = {}) {
    this.#signal = options.signal;
    this.#keepAlive = options.keepAlive ?? true;
    this.#ended = options.ended;
    if (this.#signal?.aborted) {
      this.#done = true;
      this.#failure = { error: this.#signal.reason };
    } else this.#signal?.addEventListener("abort", this.#aborted, { once: true });
  }

  /** Whether nothing comes out any more but what is still in. */
  get closed(): boolean {
    return this.#done;
  }

  /** Puts changes in, in the order of their versions. */
  push(changes: readonly Change[]): void {
    if (this.#done) return;
    for (const change of changes) {
      const name = spaceKey(change.key, change.space);
      this.#pending.delete(name);
      this.#pending.set(name, change);
    }
    if (this.#pending.size > 0 && this.#waiting.length > 0) this.#wake({ done: false, value: this.#take() });
  }

  /** Ends the queue with an error, which a pending or the next `next()` throws; what is still in is dropped. */
  fail(error: unknown): void {
    if (this.#done) return;
    const first = this.#waiting.shift();
    if (!first) this.#failure = { error };
    this.#finish();
    first?.reject(error);
    this.#wakeAll();
  }

  next(): Promise<IteratorResult<Change[]>> {
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#done) return Promise.resolve({ done: true, value: undefined });
    if (this.#pending.size > 0) return Promise.resolve({ done: false, value: this.#take() });
    const waiter = Promise.withResolvers<IteratorResult<Change[]>>();
    this.#waiting.push(waiter);
    if (this.#keepAlive) this.#alive ??= setInterval(() => {}, FOREVER);
    return waiter.promise;
  }

  return(): Promise<IteratorResult<Change[]>> {
    this.#failure = undefined;
    if (!this.#done) {
      this.#finish();
      this.#wakeAll();
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #take(): Change[] {
    const changes = [...this.#pending.values()];
    this.#pending.clear();
    return changes;
  }

  #finish(): void {
    this.#done = true;
    this.#pending.clear();
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.#ended?.();
  }

  #wake(result: IteratorResult<Change[]>): void {
    this.#waiting.shift()!.resolve(result);
    if (this.#waiting.length === 0) this.#rest();
  }

  #wakeAll(): void {
    while (this.#waiting.length > 0) this.#wake({ done: true, value: undefined });
    this.#rest();
  }

  #rest(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
  }
}
