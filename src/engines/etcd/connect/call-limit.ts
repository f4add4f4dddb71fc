export interface TurnWait {
  /** Milliseconds without any answer, to whomever, after which who waits is turned away. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether the wait keeps the process alive. */
  readonly keepAlive: boolean;
}

interface Waiter {
  enter(): void;
  /** Turns it away if half of its time is over; whether it did. */
  hasLost(): boolean;
}

/** Lets so many in at once; the others wait in the order in which they came. */
export class Turnstile {
  readonly #places: number;
  readonly #waiting = new Set<Waiter>();
  #inside = 0;
  #answered = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /**
   * Waits for a place; whoever got one leaves again. `false` if nobody who left said for `timeout` milliseconds that he was
   * answered: a wait in a long line is none for a silent server. Rejects with the signal's reason.
   */
  enter({ timeout, signal, keepAlive }: TurnWait): Promise<boolean> | true {
    if (this.#inside < this.#places) {
      this.#inside++;
      return true;
    }
    const came = performance.now();
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const left = () => Math.max(came, this.#answered) + timeout - performance.now();
      const settle = (isIn: boolean) => {
        end();
        resolve(isIn);
        return isIn;
      };
      const waiter: Waiter = {
        enter: () => void settle(true),
        hasLost: () => left() < timeout / 2 && !settle(false),
      };
      const arm = (delay: number) => {
        const armed = setTimeout(look, delay);
        return keepAlive ? armed : armed.unref();
      };
      const look = () => {
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
   * The place goes to the first who waits. `answered`: whether the server was heard of. If not, those who have waited for half of
   * their time are turned away rather than sent to a silent server.
   */
  leave(answered: boolean): void {
    if (answered) this.#answered = performance.now();
    for (const waiter of this.#waiting) {
      if (!answered && waiter.hasLost()) continue;
      waiter.enter();
      return;
    }
    this.#inside--;
  }

  /** Lets everybody in, to be turned away inside. */
  open(): void {
    for (const waiter of this.#waiting) {
      this.#inside++;
      waiter.enter();
    }
  }
}
