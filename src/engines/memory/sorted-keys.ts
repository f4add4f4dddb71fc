import { compareKeys } from "../../engine/range.ts";

/** The keys of one space in the order of their UTF-8 bytes. */
export class SortedKeys {
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  add(key: string): void {
    const at = this.#lowerBound(key);
    if (this.#keys[at] !== key) this.#keys.splice(at, 0, key);
  }

  delete(key: string): void {
    const at = this.#lowerBound(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** The keys in [`start`, `end`); at most `limit` of them, the last ones first if `reverse`. */
  between(start: string, end: string | undefined, limit = Infinity, reverse = false): string[] {
    const from = this.#lowerBound(start);
    const to = end === undefined ? this.#keys.length : this.#lowerBound(end);
    if (!reverse) return this.#keys.slice(from, Math.min(to, from + limit));
    return this.#keys.slice(Math.max(from, to - limit), Math.max(from, to)).reverse();
  }

  /** The index of the first key that is not below `key`. */
  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
