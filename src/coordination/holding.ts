import type { Check, Session } from "../engine/engine.ts";
import { StoreError } from "../errors.ts";
import type { Fence } from "./fence.ts";
import type { QueuePlace } from "./queue-place.ts";
import type { Step } from "./step.ts";

/** What came with one's turn in a queue, until it is given up or lost. */
export class Holding implements Fence {
  /** The version of the entry that holds it. */
  readonly token: number;
  readonly #place: QueuePlace;
  readonly #what: string;
  readonly #end = new AbortController();
  readonly #lost: () => void;
  #releasing: Promise<void> | undefined;

  /** `what` it is, as the beginning of a sentence. */
  constructor(place: QueuePlace, token: number, what: string) {
    this.#place = place;
    this.token = token;
    this.#what = what;
    const { signal }: Session = place.session;
    this.#lost = () => this.#end.abort(signal.reason);
    if (signal.aborted) this.#lost();
    else signal.addEventListener("abort", this.#lost, { once: true });
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get isHeld(): boolean {
    return !this.signal.aborted;
  }

  get check(): Check {
    return this.#place.check(this.token);
  }

  release(): Promise<void> {
    if (this.#releasing) return this.#releasing;
    if (!this.isHeld) return Promise.resolve();
    this.#releasing = this.#place.leave();
    this.#ended();
    return this.#releasing;
  }

  get releasing(): Step {
    return {
      prepare: () => {
        if (!this.isHeld)
          throw new StoreError("ERR_STORE_FENCED", `${this.#what} is no longer held: it was given up or lost`);
        return {
          checks: [this.check],
          mutations: [this.#place.deletion],
          committed: () => {
            this.#releasing = Promise.resolve();
            this.#ended();
          },
        };
      },
    };
  }

  #ended(): void {
    this.#place.session.signal.removeEventListener("abort", this.#lost);
    this.#end.abort(new DOMException(`${this.#what} was given up`, "AbortError"));
  }
}
