export interface StartOptions {
  /** How long no call at all may be answered until the wait is given up, in milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether the wait keeps the process alive. */
  readonly keepAlive: boolean;
}

interface Waiter {
  start(): void;
  /** Gives the wait up if less than half of its time is left. Returns whether it did. */
  giveUpEarly(): boolean;
}

/** Lets at most this many calls run at once. The others wait in the order in which they came. */
export class CallLimit {
  readonly #limit: number;
  readonly #waiting = new Set<Waiter>();
  #running = 0;
  #answered = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Waits until the call may run. A call that may run must call `finish()` at its end. Returns `false` if no call was answered
   * for `timeout` milliseconds: a long line alone does not mean that the server is silent. Rejects with the signal's reason.
   */
  start({ timeout, signal, keepAlive }: StartOptions): Promise<boolean> | true {
    if (this.#running < this.#limit) {
      this.#running++;
      return true;
    }
    const begun = performance.now();
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const left = () => Math.max(begun, this.#answered) + timeout - performance.now();
      const settle = (mayRun: boolean) => {
        end();
        resolve(mayRun);
        return mayRun;
      };
      const waiter: Waiter = {
        start: () => void settle(true),
        giveUpEarly: () => left() < timeout / 2 && !settle(false),
      };
      const arm = (delay: number) => {
        const armed = setTimeout(check, delay);
        return keepAlive ? armed : armed.unref();
      };
      const check = () => {
        if (left() > 0) timer = arm(left());
        else settle(false);
      };
      const abort = () => {
        end();
        reject(signal!.reason);
      };
      let timer = arm(timeout);
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /**
   * Lets the first call that waits run. `answered`: whether the server answered the call that ends. If not, calls that have
   * waited for half of their time give up, rather than being sent to a silent server.
   */
  finish(answered: boolean): void {
    if (answered) this.#answered = performance.now();
    for (const waiter of this.#waiting) {
      if (!answered && waiter.giveUpEarly()) continue;
      waiter.start();
      return;
    }
    this.#running--;
  }

  /** Lets all calls that wait run, so that each finds that the connection is closed. */
  startAll(): void {
    for (const waiter of this.#waiting) {
      this.#running++;
      waiter.start();
    }
  }
}
