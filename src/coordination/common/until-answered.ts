import type { Awaitable, CommitResult } from "../../engine/contract.ts";
import { isOutcomeUnknown } from "../../wait/transient.ts";

/**
 * Calls `commit` until it is answered, `attempts` times at most. The commit must be safe to repeat because of its checks: if
 * an attempt whose answer was lost was applied, the checks of the next one fail, and its reads show the caller's own entry.
 */
export async function untilAnswered(commit: () => Awaitable<CommitResult>, attempts = Infinity): Promise<CommitResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await commit();
    } catch (error) {
      if (!isOutcomeUnknown(error) || attempt >= attempts) throw error;
    }
  }
}
