import type { Engine } from "../engine/contract.ts";
import type { Entry, RangeRead } from "../engine/entry.ts";
import { invalidType } from "../errors.ts";

/** Some keys, in the order of their UTF-8 bytes. What is given must hold, all of it; `{}` is every key. */
export interface KeyRange {
  /** Keys that begin with this. */
  readonly prefix?: string;
  /** The first key, inclusive. */
  readonly start?: string;
  /** The last key, exclusive. */
  readonly end?: string;
}

export interface ListOptions extends KeyRange {
  /** From the last key to the first. Default `false`. */
  readonly reverse?: boolean;
  /** At most so many. Default: all. */
  readonly limit?: number;
  /** Ends the listing before its next page; the reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Entries of the first page, which is often enough; each further page is twice as long, up to the longest. */
const FIRST_PAGE = 64;
const LONGEST_PAGE = 1024;

/** The entries of a range, a page at a time, `longest` entries at most. */
export async function* pages(
  engine: Engine,
  options: ListOptions,
  longest: number = LONGEST_PAGE,
): AsyncGenerator<Entry[], void, void> {
  if (typeof options !== "object" || options === null)
    throw invalidType("range", 'an object such as { prefix: "a/" }', options);
  const { signal, limit, ...range } = options;
  let left = limit ?? Infinity;
  let next: RangeRead = range;
  let size = FIRST_PAGE;
  for (;;) {
    signal?.throwIfAborted();
    const asked = Math.min(size, longest, LONGEST_PAGE, left);
    const { entries } = await engine.list({ ...next, limit: asked });
    if (entries.length > 0) yield entries;
    left -= entries.length;
    if (entries.length < asked || left <= 0) return;
    const { key } = entries.at(-1)!;
    next = { ...range, ...(range.reverse ? { end: key } : { start: `${key}\0` }) };
    size *= 2;
  }
}
