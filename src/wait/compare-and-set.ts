import { backoff } from "./backoff.ts";
import type { Deadline } from "./deadline.ts";

/** Bounds of the pause between two attempts, in milliseconds. */
const SHORTEST_PAUSE = 1;
const LONGEST_PAUSE = 16;

/**
 * Calls `attempt` until it returns anything but `undefined` (which means that another process was faster), or until the
 * deadline. Every failed attempt has read the newest state, so the next one follows at once. Only every second failure is
 * followed by a pause.
 */
export async function compareAndSet<T>(
  deadline: Deadline,
  attempt: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    deadline.throwIfOver();
    const result = await attempt();
    if (result !== undefined) return result;
    if (failures % 2 === 0) await deadline.pause(backoff(failures / 2, SHORTEST_PAUSE, LONGEST_PAUSE));
  }
}
