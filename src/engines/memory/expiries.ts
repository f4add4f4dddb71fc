import type { Space } from "../../engine/entry.ts";

/** An entry's end: void if the entry has another version by then. */
export interface Expiry {
  readonly at: number;
  readonly key: string;
  readonly space: Space | undefined;
  readonly version: number;
}

/** The longest delay that a timer can hold, in milliseconds. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** What ends when: one timer, which keeps no process alive, for the soonest of them. */
export class Expiries {
  /** The soonest last. */
  readonly #queue: Expiry[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #due: () => void;

  /** `due` is called when the time of the soonest has come, and takes what `take` gives. */
  constructor(due: () => void) {
    this.#due = due;
  }

  add(expiry: Expiry): void {
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#queue[middle]!.at > expiry.at) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, expiry);
    if (low === this.#queue.length - 1) this.#arm();
  }

  /** Removes and returns what has ended by `now`. */
  take(now: number): Expiry[] {
    if (this.#queue.length === 0 || this.#queue.at(-1)!.at > now) return [];
    const ended: Expiry[] = [];
    while (this.#queue.length > 0 && this.#queue.at(-1)!.at <= now) ended.push(this.#queue.pop()!);
    this.#arm();
    return ended;
  }

  clear(): void {
    this.#queue.length = 0;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const soonest = this.#queue.at(-1);
    if (!soonest) return;
    const delay = Math.min(Math.max(soonest.at - Date.now(), 0), LONGEST_DELAY);
    this.#timer = setTimeout(() => {
      this.#due();
      this.#arm();
    }, delay);
    this.#timer.unref();
  }
}
