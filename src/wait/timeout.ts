import { invalidType, outOfRange } from "../errors.ts";

/** Default of every `timeout` that bounds a commit, in milliseconds. */
export const DEFAULT_TIMEOUT = 5000;
/** The longest time that a timer can hold, in milliseconds. */
export const LONGEST_TIMEOUT = 2 ** 31 - 1;

/**
 * Returns the timeout in milliseconds, `Infinity` as the longest that a timer can hold.
 *
 * @throws TypeError or RangeError unless `timeout` is a number from 0 to 2³¹−1, or `Infinity`.
 */
export function checkTimeout(timeout: unknown, name = "timeout"): number {
  if (typeof timeout !== "number") throw invalidType(name, "a number of milliseconds", timeout);
  if (Number.isNaN(timeout) || timeout < 0)
    throw outOfRange(name, `a number of milliseconds from 0 to ${LONGEST_TIMEOUT}, or Infinity`, timeout);
  return Math.min(timeout, LONGEST_TIMEOUT);
}
