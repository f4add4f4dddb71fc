export interface PauseOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether the pause keeps the process alive. Default: `true`. */
  readonly keepAlive?: boolean;
}

/** Resolves after this many milliseconds. Rejects with the signal's reason when the signal is aborted first. */
export function pause(milliseconds: number, { signal, keepAlive = true }: PauseOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    if (!keepAlive) timer.unref();
    signal?.addEventListener("abort", abort, { once: true });
  });
}
