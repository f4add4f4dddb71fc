import type { Check, Commit, Engine, Mutation, Session } from "../../engine/contract.ts";
import { StoreError } from "../../errors.ts";
import type { Fence } from "./fence.ts";
import { deleteUntilGone } from "./session.ts";
import type { Step } from "./step.ts";

export interface HoldingOptions {
  readonly engine: Engine;
  readonly session: Session;
  /** The entry that holds it, bound to the session. */
  readonly key: string;
  /** That entry's version. */
  readonly version: number;
  readonly token: number;
  /** What gives it up, together with the entry's deletion. */
  readonly givingUp?: readonly Mutation[];
  /** What it is, as the beginning of a sentence. */
  readonly what: string;
  /** Called when it was given up or lost. */
  readonly ended?: () => void;
}

/** What came with one's turn, a lock or a permit, until it is given up or lost. */
export class Holding implements Fence, AsyncDisposable {
  /** The fencing token: grows from grant to grant. */
  readonly token: number;
  /** The store refuses with `ERR_STORE_FENCED` what is written with this as its `fence` once it is no longer held. */
  readonly check: Extract<Check, { readonly key: string }>;
  readonly #engine: Engine;
  readonly #session: Session;
  readonly #what: string;
  readonly #release: Commit;
  readonly #ended: (() => void) | undefined;
  /** Made for who asks: a lock that is held for a moment needs none. */
  #loss: AbortController | undefined;
  #sessionLost: (() => void) | undefined;
  #reason: { readonly reason: unknown } | undefined;
  #isOver = false;
  #releasing: Promise<void> | undefined;

  constructor({ engine, session, key, version, token, givingUp = [], what, ended }: HoldingOptions) {
    this.token = token;
    this.check = { space: "system", key, version };
    this.#engine = engine;
    this.#session = session;
    this.#what = what;
    this.#ended = ended;
    this.#release = { checks: [this.check], mutations: [{ type: "delete", space: "system", key }, ...givingUp] };
  }

  /** Aborted when it is lost: with the session, by a theft, or because the store was closed. Not when it is released. */
  get signal(): AbortSignal {
    if (this.#loss === undefined) {
      this.#loss = new AbortController();
      if (this.#isLost) this.#loss.abort(this.#reason!.reason);
      else if (!this.#isOver) {
        this.#sessionLost = () => this.#lookAtSession();
        this.#session.signal.addEventListener("abort", this.#sessionLost, { once: true });
      }
    }
    return this.#loss.signal;
  }

  /** Whether it is held, as far as this process can know. */
  get held(): boolean {
    return !this.#releasing && !this.#isLost;
  }

  /**
   * Gives it up, in one commit. Idempotent; nothing happens if it was lost. A store that is busy or out of reach is asked
   * again as long as the session lives.
   */
  release(): Promise<void> {
    if (!this.#releasing && this.#isLost) return Promise.resolve();
    this.#releasing ??= this.#giveUp();
    return this.#releasing;
  }

  /** The release as a part of an atomic commit; `ERR_STORE_FENCED` if it is no longer held. */
  releasing(): Step {
    let isFirst = true;
    return {
      engine: this.#engine,
      prepare: async () => {
        // A check that failed may have been this one, of a loss that was not yet heard of.
        if (!this.held || !(isFirst || (await this.#isCurrent()))) {
          throw new StoreError("ERR_STORE_FENCED", `${this.#what} is no longer held: it was released or lost before`);
        }
        isFirst = false;
        return {
          checks: this.#release.checks!,
          mutations: this.#release.mutations!,
          committed: () => {
            this.#releasing = Promise.resolve();
            this.#end();
          },
        };
      },
    };
  }

  /** Tells that it is no longer held. */
  lose(reason: unknown): void {
    this.#end();
    this.#reason ??= { reason };
    this.#loss?.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #giveUp(): Promise<void> {
    await deleteUntilGone(this.#session, async (mayBeDone) => {
      const { ok } = await this.#engine.commit(this.#release);
      // After an attempt whose answer was lost nobody knows whether it, or a theft, took the entry away.
      if (!ok && !mayBeDone) this.lose(new DOMException(`${this.#what} was stolen by another request`, "AbortError"));
    });
    this.#lookAtSession();
    this.#end();
  }

  async #isCurrent(): Promise<boolean> {
    const { key, version } = this.check;
    return (await this.#engine.get(key, "system"))?.version === version;
  }

  get #isLost(): boolean {
    this.#lookAtSession();
    return this.#reason !== undefined;
  }

  /** With the session what was bound to it is lost. */
  #lookAtSession(): void {
    const { signal } = this.#session;
    if (!this.#isOver && signal.aborted) this.lose(signal.reason);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#sessionLost) this.#session.signal.removeEventListener("abort", this.#sessionLost);
    this.#ended?.();
  }
}
