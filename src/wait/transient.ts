import { isStoreError } from "../errors.ts";
import { backoff } from "./backoff.ts";
import { JoinedSignal } from "./joined-signal.ts";
import { pause } from "./pause.ts";

/** Pauses between attempts on a store that fails for the moment, in milliseconds. */
const SHORTEST_PAUSE = 20;
const LONGEST_PAUSE = 250;

/** Whether the commit that threw this error may have been applied. */
export function isOutcomeUnknown(error: unknown): boolean {
  return isStoreError(error, "ERR_STORE_OUTCOME_UNKNOWN");
}

/** Whether the same call may succeed later: the store is busy or unreachable for the moment, or an answer was lost. */
export function isTransient(error: unknown): boolean {
  return isStoreError(error) && (error.retryable || isOutcomeUnknown(error));
}

/**
 * Calls `act` until it does not fail with a transient error. `act` must be safe to repeat, because an attempt whose answer
 * was lost may have been applied. The first of the signals that is aborted ends the attempts, with its reason.
 */
export async function retryTransient<T>(
  signals: readonly AbortSignal[],
  act: () => T | Promise<T>,
  options: { readonly keepAlive?: boolean } = {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      for (const signal of signals) signal.throwIfAborted();
      if (!isTransient(error)) throw error;
    }
    const stop = new JoinedSignal(signals);
    try {
      await pause(backoff(attempt, SHORTEST_PAUSE, LONGEST_PAUSE), { ...options, signal: stop.signal });
    } finally {
      stop[Symbol.dispose]();
    }
  }
}
