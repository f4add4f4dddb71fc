import type { Check, CommitResult } from "../../engine/contract.ts";
import { StoreError } from "../../errors.ts";

/**
 * What proves that its owner may still write: a held lock, a leadership, a session. A write that is given one carries its
 * check, in the same atomic step, so that an owner who has lost it without knowing (stopped, cut off, too slow) changes
 * nothing. (The fencing of M. Kleppmann, "How to do distributed locking", 2016, enforced by the store instead of by each
 * resource that is written to.)
 */
export interface Fence {
  /** Holds as long as the fence is current: usually the version of an entry that goes with the owner. */
  readonly check: Check;
}

/** The checks of the fences, each of them once. */
export function fenceChecks(fences: Fence | readonly Fence[] | undefined): Check[] {
  if (fences === undefined) return [];
  const all: readonly Fence[] = "check" in fences ? [fences] : fences;
  return all.map(({ check }) => check);
}

/**
 * A read for each fence, to be made in the same commit as its check: from the answers `fenceHolds` can tell a lost fence
 * from another check that failed.
 */
export function fenceReads(checks: readonly Check[]) {
  return checks.map((check) =>
    "empty" in check ? { ...check.empty, limit: 1 } : { key: check.key, ...(check.space && { space: check.space }) },
  );
}

/** Throws `ERR_STORE_FENCED` if one of the fences' checks does not hold in the state that the commit met. */
export function assertFences(checks: readonly Check[], reads: CommitResult["reads"]): void {
  checks.forEach((check, i) => {
    const version = reads[i]?.[0]?.version ?? 0;
    if ("empty" in check ? version === 0 : version === check.version) return;
    throw new StoreError(
      "ERR_STORE_FENCED",
      `Nothing was written: the fence ${"key" in check ? JSON.stringify(check.key) : "of a range"} is no longer current, ` +
        "because its lock, leadership or session was lost or given up. Acquire it again before writing",
    );
  });
}
