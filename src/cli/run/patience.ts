/** Why a wait ended: `--timeout` is over. */
class TimeIsOver extends Error {}

/** Runs something that waits, for `timeout` milliseconds at most; `undefined` if it did not come in that time. */
export async function within<T>(
  timeout: number | undefined,
  signal: AbortSignal,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  if (timeout === undefined) return await body(signal);
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new TimeIsOver()), timeout);
  try {
    return await body(AbortSignal.any([signal, over.signal]));
  } catch (error) {
    if (error instanceof TimeIsOver) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a wait of the store's ended because its time-out was over. */
export function isTimeOver(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "ERR_STORE_TIMEOUT";
}
