import type { Space } from "./entry.ts";

/**
 * Some entries of one space. Without `key`, `prefix`, `start` and `end` it is all of them. Keys are ordered by their
 * UTF-8 bytes, which is the order of code points and not that of JavaScript's `<` (see `compareKeys`).
 */
export interface Range {
  readonly space?: Space;
  /** Exactly this key. Excludes the other three. */
  readonly key?: string;
  /** Keys that begin with this. */
  readonly prefix?: string;
  /** The first key, inclusive. Together with `prefix`, both hold: the way to go on with the next page. */
  readonly start?: string;
  /** The last key, exclusive. */
  readonly end?: string;
}

/** A range as a listing reads it: which of its entries come, and in which order. */
export interface RangeRead extends Range {
  /** `"key"` (the default), or `"created"`: by the version at creation, then by key. */
  readonly order?: "key" | "created";
  readonly reverse?: boolean;
  /** At most so many entries. Default: all of them. */
  readonly limit?: number;
}

/** Orders two keys as every engine does: by their UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** A surrogate (0xD800–0xDFFF) stands for a code point above 0xFFFF, so it sorts after 0xE000–0xFFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Whether the range holds the key of that space. */
export function inRange(range: Range, key: string, space?: Space): boolean {
  if (range.space !== space) return false;
  if (range.key !== undefined) return range.key === key;
  return (
    (range.prefix === undefined || key.startsWith(range.prefix)) &&
    (range.start === undefined || compareKeys(key, range.start) >= 0) &&
    (range.end === undefined || compareKeys(key, range.end) < 0)
  );
}

/** The range's bounds as a half-open interval [`start`, `end`) of keys; no `end` means no bound. */
export function boundsOf(range: Range): { start: string; end: string | undefined } {
  if (range.key !== undefined) return { start: range.key, end: `${range.key}\0` };
  let start = range.start ?? "";
  let end = range.end;
  if (range.prefix) {
    if (compareKeys(range.prefix, start) > 0) start = range.prefix;
    const after = afterPrefix(range.prefix);
    if (after !== undefined && (end === undefined || compareKeys(after, end) < 0)) end = after;
  }
  return { start, end };
}

/** The smallest string above every string with that prefix; `undefined` if there is none. */
function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix);
  while (points.length > 0) {
    const last = points.pop()!.codePointAt(0)!;
    if (last >= 0x10ffff) continue;
    // The code points that are no characters of their own are stepped over.
    return points.join("") + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

/** One string for a key of either space. */
export function spaceKey(key: string, space: Space | undefined): string {
  return space === undefined ? `u${key}` : `s${key}`;
}
