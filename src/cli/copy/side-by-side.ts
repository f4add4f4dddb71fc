import type { Engine, SyncEngine } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { compareKeys } from "../../engine/range.ts";

/** What is read from. */
export type Source = Pick<Engine | SyncEngine, "list" | "info">;

/** Entries read at once. */
const PAGE = 200;

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
  let start: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const { entries } = await engine.list({ prefix, limit: PAGE, ...(start === undefined ? undefined : { start }) });
    yield* entries;
    if (entries.length < PAGE) return undefined;
    start = `${entries.at(-1)!.key}\0`;
  }
}

export function isSameValue(a: Entry, b: Entry): boolean {
  if (typeof a.value === "string" || typeof b.value === "string") return a.value === b.value;
  return Buffer.compare(a.value, b.value) === 0;
}
