import type { Check, Engine, Mutation, Session } from "../../engine/contract.ts";
import { invalidType, StoreError } from "../../errors.ts";
import { checkOptions } from "../../wait/options.ts";
import { checkTimeout } from "../../wait/timeout.ts";
import type { Fence } from "../common/fence.ts";
import { deleteUntilGone } from "../common/session.ts";
import type { Step } from "../common/step.ts";
import type { JobRecord, QueueKeys } from "./keys.ts";

export interface RetryOptions {
  /** How long nobody takes it, in milliseconds. Default 0: it is the next one again. */
  readonly delay?: number;
  /** Why it was not done; stands with the dead letter. */
  readonly error?: unknown;
}

export interface JobParts {
  readonly engine: Engine;
  readonly session: Session;
  readonly keys: QueueKeys;
  readonly id: number;
  /** Where the job lies. */
  readonly key: string;
  readonly record: JobRecord;
  /** Which attempt this is. */
  readonly attempt: number;
  /** The version of the claim. */
  readonly token: number;
}

/** Characters of an error that a dead letter keeps. */
const LONGEST_ERROR = 2000;

/**
 * A job that this worker has taken: nobody else gets it until it is settled (`ack`, `retry` or `fail`) or the session ends. The
 * first of these counts. One that comes too late, because the session was lost and the job went to another worker, is refused
 * with `ERR_STORE_FENCED`.
 */
export class Job<T = unknown> implements Fence, AsyncDisposable {
  /** Grows in the order of pushes. */
  readonly id: number;
  readonly value: T;
  /** Which attempt this is, from 1. Above 1: an earlier one may have done a part of it. */
  readonly attempt: number;
  readonly #parts: JobParts;
  #settled: Promise<void> | undefined;

  constructor(parts: JobParts, value: T) {
    this.id = parts.id;
    this.value = value;
    this.attempt = parts.attempt;
    this.#parts = parts;
  }

  /** A fencing token: grows from attempt to attempt. */
  get token(): number {
    return this.#parts.token;
  }

  /** Aborted when the job may go to another worker because the session was lost. */
  get signal(): AbortSignal {
    return this.#parts.session.signal;
  }

  get check(): Check {
    return { space: "system", key: this.#parts.keys.claim(this.id), version: this.token };
  }

  /** Done: the job goes, for good. */
  ack(): Promise<void> {
    this.#settled ??= this.#settle(this.#removal);
    return this.#settled;
  }

  /**
   * The acknowledgement as a part of an atomic commit: the job's effects and its end become true together.
   * `ERR_STORE_FENCED` if it is no longer this worker's.
   */
  acking(): Step {
    let isFirst = true;
    return {
      engine: this.#parts.engine,
      prepare: async () => {
        if (this.#settled) throw this.#late("it was settled already");
        // A check that failed may have been this one, of a loss that was not yet heard of.
        if (this.signal.aborted || !(isFirst || (await this.#isCurrent())))
          throw this.#late("its worker's session was lost, and it may have gone to another worker");
        isFirst = false;
        return {
          checks: [this.check],
          mutations: this.#removal,
          committed: () => {
            this.#settled = Promise.resolve();
          },
        };
      },
    };
  }

  /** Not done: gives it back, or makes it a dead letter if this was its last attempt. */
  async retry(options: RetryOptions = {}): Promise<void> {
    checkOptions(options, ["delay", "error"], "retry");
    const { delay = 0, error } = options;
    if (checkTimeout(delay, "delay") !== delay) throw invalidType("delay", "a finite number of milliseconds", delay);
    if (this.attempt >= this.#parts.record.limit) return this.fail(error);
    const { id, keys, key } = this.#parts;
    const from = Date.now() + delay;
    const record = this.#failed(error, delay > 0 ? { from } : {});
    const claim = this.#removal.slice(1);
    const set = (at: string): Mutation => ({ type: "set", space: "system", key: at, value: JSON.stringify(record) });
    const target = keys.delayed(from, id);
    this.#settled ??= this.#settle(
      delay > 0 && target !== key ? [...this.#removal, set(target)] : [...claim, set(key)],
    );
    return this.#settled;
  }

  /** It cannot be done: makes it a dead letter at once. */
  fail(error?: unknown): Promise<void> {
    const { id, keys } = this.#parts;
    const value = JSON.stringify(this.#failed(error, { died: Date.now() }));
    const letter: Mutation = { type: "set", space: "system", key: keys.dead(id), value };
    this.#settled ??= this.#settle([...this.#removal, letter]);
    return this.#settled;
  }

  /** Gives it back unless it is settled. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#settled) await this.retry();
  }

  async #isCurrent(): Promise<boolean> {
    const { engine, keys } = this.#parts;
    return (await engine.get(keys.claim(this.id), "system"))?.version === this.token;
  }

  /** The job first. */
  get #removal(): Mutation[] {
    const { id, keys, key } = this.#parts;
    return [key, keys.claim(id), keys.attempt(id)].map((each) => ({ type: "delete", space: "system", key: each }));
  }

  #failed(error: unknown, change: Partial<JobRecord>): JobRecord {
    const reason = error === undefined ? {} : { error: String(error).toWellFormed().slice(0, LONGEST_ERROR) };
    return { ...this.#parts.record, attempts: this.attempt, ...reason, ...change };
  }

  async #settle(mutations: readonly Mutation[]): Promise<void> {
    const { engine, session } = this.#parts;
    const commit = { checks: [this.check], mutations };
    // An attempt whose answer was lost may have settled the job: then the check of the next one fails.
    const ok = await deleteUntilGone(session, async (mayBeDone) => (await engine.commit(commit)).ok || mayBeDone);
    if (!ok) throw this.#late("its worker's session was lost, and it may have gone to another worker");
  }

  #late(why: string): StoreError {
    return new StoreError("ERR_STORE_FENCED", `The job ${this.id} is no longer this worker's: ${why}`);
  }
}
