import { PushIterator } from "../wait/push-iterator.ts";
import type { Change } from "./entry.ts";
import { spaceKey } from "./range.ts";

/**
 * The iterator that an engine's `watch` returns: the engine pushes changes, and its caller fetches them in batches. Changes
 * that nobody has fetched are kept as the latest of each key, in the order of versions, so that a slow reader costs as much
 * memory as the keys it watches.
 */
export class ChangeQueue extends PushIterator<Change[]> {
  readonly #kept = new Map<string, Change>();

  /** Adds changes, which come in the order of their versions. */
  push(changes: readonly Change[]): void {
    if (this.closed) return;
    for (const change of changes) {
      const name = spaceKey(change.key, change.space);
      this.#kept.delete(name);
      this.#kept.set(name, change);
    }
    this.wake();
  }

  protected take(): IteratorYieldResult<Change[]> | undefined {
    if (this.#kept.size === 0) return undefined;
    const value = [...this.#kept.values()];
    this.#kept.clear();
    return { done: false, value };
  }

  protected clear(): void {
    this.#kept.clear();
  }
}
