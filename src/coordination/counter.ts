import type { Value } from "../engine/entry.ts";
import { invalidType, outOfRange, StoreError } from "../errors.ts";
import { compareAndSet } from "../wait/compare-and-set.ts";
import { Deadline } from "../wait/deadline.ts";
import { checkOptions } from "../wait/options.ts";
import { DEFAULT_TIMEOUT } from "../wait/timeout.ts";
import { Batches, type PatientCall, stillWaiting } from "./common/batches.ts";
import { ensureLayout } from "./common/layout-version.ts";
import type { Participant } from "./common/participant.ts";
import { SharedState } from "./common/shared-state.ts";
import type { Step } from "./common/step.ts";
import { systemKey } from "./common/system-key.ts";

export interface CounterOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds; then `ERR_STORE_TIMEOUT` or `ERR_STORE_BUSY`, and nothing was added. Default 5000. */
  readonly timeout?: number;
}

interface Addition extends PatientCall<number> {
  readonly n: number;
}

/*
 * Algorithm: compare-and-set on the entry's version, a failed try having read the newest. Calls of one object that come
 * while a commit is under way go together in the next one (flat combining: Hendler, Incze, Shavit, Tzafrir, 2010).
 */

/**
 * A shared whole number, 0 until it is first changed. Every `increment` counts exactly once and gets the sum right after it.
 * After `ERR_STORE_OUTCOME_UNKNOWN` (engines on a network) the addition may have been made or not.
 */
export class Counter {
  readonly name: string;
  readonly #participant: Participant;
  readonly #state: SharedState<number>;
  readonly #additions = new Batches<number, Addition>((batch) => this.#addAll(batch));

  constructor(participant: Participant, name: string) {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    this.#participant = participant;
    this.name = name;
    this.#state = new SharedState(participant.engine, systemKey("counter", name), (value) => this.#parse(value));
  }

  async get(): Promise<number> {
    return (await this.#state.read()).state;
  }

  /** Adds `n` (default 1, may be negative) and resolves to the sum. A `RangeError` if that would be no safe integer. */
  async increment(n = 1, options: CounterOptions = {}): Promise<number> {
    checkInteger(n, "n");
    return this.#within("increment", options, (deadline) =>
      this.#additions.add({ n, deadline, result: Promise.withResolvers() }),
    );
  }

  /** Sets the number, whatever it was. */
  async set(value: number, options: CounterOptions = {}): Promise<void> {
    checkInteger(value, "value");
    await this.#within("set", options, (deadline) => this.#state.overwrite(String(value), deadline.commit));
  }

  /** Sets it back to 0, and leaves nothing of it in the store. */
  async reset(options: CounterOptions = {}): Promise<void> {
    await this.#within("reset", options, (deadline) => this.#state.overwrite(undefined, deadline.commit));
  }

  /** The addition as a part of an atomic commit, which holds one step of a counter at most. */
  incrementing(n = 1): Step {
    checkInteger(n, "n");
    const { engine } = this.#participant;
    const { at } = this.#state;
    return {
      engine,
      prepare: async () => {
        await ensureLayout(engine);
        const { state, version } = await this.#state.read();
        const sum = sumOf(state, n);
        if (sum instanceof RangeError) throw sum;
        const value = String(sum);
        return {
          checks: [{ ...at, version }],
          mutations: [{ type: "set", ...at, value }],
          committed: (version) => void this.#state.see({ value, version }),
        };
      },
    };
  }

  /** Settles each. */
  async #addAll(batch: readonly Addition[]): Promise<void> {
    let open = batch;
    await this.#state.prepare();
    await compareAndSet(new Deadline({}, this.#awaited), async () => {
      open = stillWaiting(open);
      const { state, version } = this.#state.latest!;
      let sum = state;
      const sums = new Map<Addition, number>();
      for (const addition of open) {
        const next = sumOf(sum, addition.n);
        if (next instanceof RangeError) {
          addition.result.reject(next);
          continue;
        }
        sum = next;
        sums.set(addition, sum);
      }
      if (sums.size === 0) return true;
      if (!(await this.#state.replace(version, { value: String(sum) }, open))) return undefined;
      for (const [{ result }, own] of sums) result.resolve(own);
      return true;
    });
  }

  #parse(value: Value | undefined): number {
    if (value === undefined) return 0;
    const number = typeof value === "string" && value !== "" ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number))
      throw new StoreError(
        "ERR_STORE_CODEC",
        `Cannot read counter ${JSON.stringify(this.name)}: its entry holds no whole number. Call set() or reset()`,
      );
    return number;
  }

  get #awaited(): string {
    return `an addition to counter ${JSON.stringify(this.name)}`;
  }

  async #within<T>(call: string, options: CounterOptions, act: (deadline: Deadline) => Promise<T>): Promise<T> {
    checkOptions(options, ["signal", "timeout"], call);
    const deadline = new Deadline({ ...options, timeout: options.timeout ?? DEFAULT_TIMEOUT }, this.#awaited);
    try {
      return await act(deadline);
    } finally {
      deadline[Symbol.dispose]();
    }
  }
}

function sumOf(value: number, n: number): number | RangeError {
  const sum = value + n;
  return Number.isSafeInteger(sum) ? sum : outOfRange("sum", "a safe integer", `${value} + ${n}`);
}

function checkInteger(value: unknown, name: string): void {
  if (typeof value !== "number") throw invalidType(name, "a number", value);
  if (!Number.isSafeInteger(value)) throw outOfRange(name, "a safe integer", value);
}
