import { StoreError } from "../../../errors.ts";

/** Pauses between tries while the server is away, in milliseconds. */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 500;

/**
 * Does what only reads until the server answers: `undefined` when it is no longer wanted. Rejects with what another try would
 * meet again.
 */
export async function retrying<T>(wanted: () => boolean, act: () => Promise<T>): Promise<T | undefined> {
  for (let pause = FIRST_PAUSE; wanted(); pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      return await act();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const milliseconds = pause;
      await new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
    }
  }
  return undefined;
}

export function isPassing(error: unknown): boolean {
  return (
    error instanceof StoreError &&
    (error.code === "ERR_STORE_UNAVAILABLE" || error.code === "ERR_STORE_OUTCOME_UNKNOWN")
  );
}
