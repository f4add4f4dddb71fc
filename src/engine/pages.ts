import type { Awaitable, Listing } from "./contract.ts";
import type { Entry } from "./entry.ts";
import type { RangeRead } from "./range.ts";

/** Entries of the first page, which is often enough. Each further page is twice as long, up to the longest. */
const FIRST_PAGE = 64;
const LONGEST_PAGE = 1024;

export interface PagesOptions {
  /** Entries of a page, at most. Default: 1024. */
  readonly longest?: number;
  /** Ends the listing before its next page, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The entries of a range in the order of their keys, a page at a time, so that a long listing takes little memory. Entries
 * that exist throughout come exactly once; those that are set or deleted meanwhile may be missed.
 */
export async function* pages(
  source: { list(range: RangeRead): Awaitable<Listing> },
  range: RangeRead,
  { longest = LONGEST_PAGE, signal }: PagesOptions = {},
): AsyncGenerator<Entry[], void, void> {
  let left = range.limit ?? Infinity;
  let next = range;
  for (let size = FIRST_PAGE; ; size *= 2) {
    signal?.throwIfAborted();
    const limit = Math.min(size, longest, LONGEST_PAGE, left);
    const { entries } = await source.list({ ...next, limit });
    if (entries.length > 0) yield entries;
    left -= entries.length;
    if (entries.length < limit || left <= 0) return;
    const { key } = entries.at(-1)!;
    next = { ...range, ...(range.reverse ? { end: key } : { start: `${key}\0` }) };
  }
}
