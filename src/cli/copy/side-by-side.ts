import type { Engine, SyncEngine } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { pages } from "../../engine/pages.ts";
import { compareKeys } from "../../engine/range.ts";

/** What is read from. */
export type Source = Pick<Engine | SyncEngine, "list" | "info">;

/** Entries of a page, at most. */
const LONGEST_PAGE = 200;

/** A key that one of two stores has, or both. */
export interface Pair {
  readonly key: string;
  readonly left: Entry | undefined;
  readonly right: Entry | undefined;
}

/** The entries of two stores side by side, in the order of their keys. Takes as much memory as two pages. */
export async function* sideBySide(
  left: Source,
  right: Source,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<Pair> {
  const lefts = entriesOf(left, prefix, signal);
  const rights = entriesOf(right, prefix, signal);
  let l = (await lefts.next()).value;
  let r = (await rights.next()).value;
  while (l !== undefined || r !== undefined) {
    const order = l === undefined ? 1 : r === undefined ? -1 : compareKeys(l.key, r.key);
    yield { key: (order <= 0 ? l : r)!.key, left: order <= 0 ? l : undefined, right: order >= 0 ? r : undefined };
    if (order <= 0) l = (await lefts.next()).value;
    if (order >= 0) r = (await rights.next()).value;
  }
}

async function* entriesOf(engine: Source, prefix: string, signal: AbortSignal): AsyncGenerator<Entry, undefined> {
  for await (const page of pages(engine, { prefix }, { longest: LONGEST_PAGE, signal })) yield* page;
  return undefined;
}

export function isSameValue(a: Entry, b: Entry): boolean {
  if (typeof a.value === "string" || typeof b.value === "string") return a.value === b.value;
  return Buffer.compare(a.value, b.value) === 0;
}
