import type { Range } from "../../../engine/range.ts";
import { spaceName } from "../protocol/wire.ts";

/** What a watch subscribes to, and the lengths of prefixes that the store has to know for it: see publish.lua. */
export interface Channels {
  readonly names: readonly string[];
  readonly lengths: readonly string[];
}

export function channelsOf(base: string, ranges: readonly Range[]): Channels {
  const names = new Set<string>();
  const lengths = new Set<string>();
  for (const range of ranges) {
    const space = spaceName(range.space);
    if (range.key !== undefined) {
      names.add(`${base}k:${space}:${range.key}`);
      continue;
    }
    const prefix = longestPrefix(range);
    names.add(`${base}p:${space}:${prefix}`);
    lengths.add(`${space} ${Buffer.byteLength(prefix)}`);
  }
  return { names: [...names], lengths: [...lengths] };
}

/** What all keys of the range begin with. */
function longestPrefix({ prefix = "", start, end }: Range): string {
  if (start === undefined || end === undefined) return prefix;
  let length = 0;
  while (length < start.length && start[length] === end[length]) length++;
  const common = start.slice(0, length);
  // Half of a surrogate pair is no character.
  const whole = common.isWellFormed() ? common : common.slice(0, -1);
  return whole.length > prefix.length ? whole : prefix;
}
