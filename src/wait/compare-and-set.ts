import type { Awaitable } from "../engine/contract.ts";
import type { Deadline } from "./deadline.ts";

/** The longest pause between two tries, in milliseconds. */
const LONGEST_PAUSE = 16;

/**
 * Tries until `attempt` gives something else than `undefined` (somebody else was faster), or the patience ends.
 * A failed try has learnt the newest state, so that the next follows at once; if that fails too, it pauses for a random
 * time whose bound doubles up to 16 ms: those who have waited long are not set back further ("full jitter", Brooker,
 * "Exponential Backoff And Jitter", 2015).
 */
export async function optimistic<T>(deadline: Deadline, attempt: () => Awaitable<T | undefined>): Promise<T> {
  for (let tries = 1; ; tries++) {
    deadline.throwIfOver();
    const result = await attempt();
    if (result !== undefined) return result;
    if (tries % 2 === 0) await deadline.pause(Math.random() * Math.min(2 ** (tries / 2), LONGEST_PAUSE));
  }
}
