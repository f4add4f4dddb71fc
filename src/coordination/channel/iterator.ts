import { StoreError } from "../../errors.ts";
import { PushIterator } from "../../wait/push-iterator.ts";

/** The messages of a channel for one `for await`. Messages that nobody has fetched are kept, up to a capacity. */
export class ChannelIterator<T> extends PushIterator<T> {
  readonly #capacity: number;
  readonly #kept: T[] = [];

  constructor(capacity: number, ended: () => void) {
    // The channel itself keeps the process alive.
    super({ keepAlive: false, ended });
    this.#capacity = capacity;
  }

  push(message: T): void {
    if (this.closed) return;
    this.#kept.push(message);
    this.wake();
    if (this.#kept.length <= this.#capacity) return;
    this.fail(
      new StoreError(
        "ERR_STORE_LAGGING",
        `Cannot iterate over the channel: the loop is more than ${this.#capacity} messages behind. Handle messages faster, ` +
          "or open the channel with a larger capacity",
      ),
    );
  }

  protected take(): IteratorYieldResult<T> | undefined {
    return this.#kept.length === 0 ? undefined : { done: false, value: this.#kept.shift()! };
  }

  protected clear(): void {
    this.#kept.length = 0;
  }
}
