import { invalidType, outOfRange, StoreError } from "../errors.ts";
import { compareAndSet } from "../wait/compare-and-set.ts";
import { Deadline } from "../wait/deadline.ts";
import { DEFAULT_TIMEOUT } from "../wait/timeout.ts";
import { Batches, type Call, stillWaiting } from "./common/batches.ts";
import type { Participant } from "./common/participant.ts";
import type { Step } from "./common/step.ts";
import { systemKey } from "./common/system-key.ts";

export interface CounterOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds; then `ERR_STORE_TIMEOUT` or `ERR_STORE_BUSY`, and nothing was added. Default 5000. */
  readonly timeout?: number;
}

interface State {
  readonly value: number;
  /** 0 while there is no entry. */
  readonly version: number;
}

interface Addition extends Call<number> {
  readonly n: number;
}

/**
 * A shared whole number, 0 until it is first changed. Every `add` counts exactly once and gets the sum right after it.
 *
 * Algorithm: compare-and-set on the entry's version, a failed try having read the newest. Calls of one object that come
 * while a commit is under way go together in the next one (flat combining: Hendler, Incze, Shavit, Tzafrir, 2010).
 *
 * After `ERR_STORE_OUTCOME_UNKNOWN` (engines on a network) the addition may have been made or not.
 */
export class Counter {
  readonly name: string;
  readonly #participant: Participant;
  readonly #at: { readonly key: string; readonly space: "system" };
  /** As last seen. */
  #state: State | undefined;
  readonly #additions = new Batches<number, Addition>((batch) => this.#addAll(batch));

  constructor(participant: Participant, name: string) {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    this.#participant = participant;
    this.name = name;
    this.#at = { key: systemKey("counter", name), space: "system" };
  }

  async get(): Promise<number> {
    return (await this.#read()).value;
  }

  /** Adds `n` (default 1, may be negative) and resolves to the sum. A `RangeError` if that would be no safe integer. */
  async add(n = 1, options: CounterOptions = {}): Promise<number> {
    checkInteger(n, "n");
    const deadline = this.#deadline(options);
    try {
      return await this.#additions.add({ n, deadline, result: Promise.withResolvers() });
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** Sets the number, whatever it was. */
  async set(value: number, options: CounterOptions = {}): Promise<void> {
    checkInteger(value, "value");
    const deadline = this.#deadline(options);
    try {
      const mutation = { type: "set", ...this.#at, value: String(value) } as const;
      await this.#participant.engine.commit({ mutations: [mutation] }, deadline.commit);
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** Sets it back to 0, and leaves nothing of it in the store. */
  async reset(options: CounterOptions = {}): Promise<void> {
    const deadline = this.#deadline(options);
    try {
      await this.#participant.engine.commit({ mutations: [{ type: "delete", ...this.#at }] }, deadline.commit);
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** The addition as a part of an atomic commit, which holds one step of a counter at most. */
  adding(n = 1): Step {
    checkInteger(n, "n");
    return {
      engine: this.#participant.engine,
      prepare: async () => {
        const { value, version } = await this.#read();
        const sum = this.#sum(value, n);
        if (sum instanceof RangeError) throw sum;
        return {
          checks: [{ ...this.#at, version }],
          mutations: [{ type: "set", ...this.#at, value: String(sum) }],
          committed: (at) => {
            this.#state = { value: sum, version: at };
          },
        };
      },
    };
  }

  /** Settles each. */
  async #addAll(batch: readonly Addition[]): Promise<void> {
    let open = batch;
    const patience = new Deadline({}, "The addition");
    this.#state ??= await this.#read();
    await compareAndSet(patience, async () => {
      open = stillWaiting(open);
      const { value, version } = this.#state!;
      let sum = value;
      const sums = new Map<Addition, number>();
      for (const addition of open) {
        const next = this.#sum(sum, addition.n);
        if (next instanceof RangeError) {
          addition.result.reject(next);
          continue;
        }
        sum = next;
        sums.set(addition, sum);
      }
      if (sums.size === 0) return true;
      const committed = await this.#commit(version, sum, Math.min(...open.map(({ deadline }) => deadline.remaining)));
      if (!committed) return undefined;
      for (const [{ result }, own] of sums) result.resolve(own);
      return true;
    });
  }

  /** Whether the number was still what it was and is the sum now. What it is goes into `#state`. */
  async #commit(version: number, sum: number, timeout: number): Promise<boolean> {
    try {
      const result = await this.#participant.engine.commit(
        {
          checks: [{ ...this.#at, version }],
          mutations: [{ type: "set", ...this.#at, value: String(sum) }],
          reads: [this.#at],
        },
        { timeout: Math.max(1, Math.min(timeout, DEFAULT_TIMEOUT)) },
      );
      this.#state = this.#parse(result.reads[0]![0]);
      return result.ok;
    } catch (error) {
      // It was the patience of the least patient one; the others try again.
      if (error instanceof StoreError && error.code === "ERR_STORE_BUSY") return false;
      throw error;
    }
  }

  async #read(): Promise<State> {
    return this.#parse(await this.#participant.engine.get(this.#at.key, "system"));
  }

  #parse(entry: { readonly value: string | Uint8Array; readonly version: number } | undefined): State {
    if (!entry) return { value: 0, version: 0 };
    const value = typeof entry.value === "string" && entry.value !== "" ? Number(entry.value) : Number.NaN;
    if (!Number.isSafeInteger(value))
      throw new StoreError("ERR_STORE_CODEC", `The counter ${this.name} holds no whole number; set() or reset() it`);
    return { value, version: entry.version };
  }

  #sum(value: number, n: number): number | RangeError {
    const sum = value + n;
    return Number.isSafeInteger(sum) ? sum : outOfRange("sum", "a safe integer", `${value} + ${n}`);
  }

  #deadline(options: CounterOptions): Deadline {
    return new Deadline({ ...options, timeout: options.timeout ?? DEFAULT_TIMEOUT }, `Counter ${this.name}: its turn`);
  }
}

function checkInteger(value: unknown, name: string): void {
  if (typeof value !== "number") throw invalidType(name, "a number", value);
  if (!Number.isSafeInteger(value)) throw outOfRange(name, "a safe integer", value);
}
