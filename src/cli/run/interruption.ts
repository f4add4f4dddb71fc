/** What ends a wait of ours: a signal from outside. The program then lets go of what it holds and ends by that signal. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.name = "Interrupted";
    this.signal = signal;
  }
}

const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs something that waits, so that it can let go of what it holds (a place in a queue, a lease on a server) when this
 * program is to end: then `signal` is aborted with an `Interrupted`. `uninterruptible()` is for the one who minds signals from
 * then on, and already listens to them; it throws if one has come.
 */
export async function interruptible<T>(
  body: (signal: AbortSignal, uninterruptible: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => controller.abort(new Interrupted(signal));
  const ignore = () => {
    for (const signal of ENDING) process.off(signal, interrupt);
  };
  const uninterruptible = () => {
    controller.signal.throwIfAborted();
    ignore();
  };
  for (const signal of ENDING) process.on(signal, interrupt);
  try {
    return await body(controller.signal, uninterruptible);
  } finally {
    ignore();
  }
}

/** Ends this process by the signal, as the one who sent it expects. */
export function endBy({ signal }: Interrupted): void {
  process.kill(process.pid, signal);
}
