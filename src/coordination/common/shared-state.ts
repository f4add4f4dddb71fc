import type { CommitOptions, Engine, Mutation } from "../../engine/contract.ts";
import type { Entry, Value } from "../../engine/entry.ts";
import { StoreError } from "../../errors.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { checkLayout, ensureLayout } from "./layout-version.ts";

/** The state that an entry holds, and the entry's version: 0 while there is none. */
export interface Seen<T> {
  readonly state: T;
  readonly version: number;
}

/** A state that all processes share, in one entry that is changed by compare-and-set. */
export class SharedState<T> {
  readonly at: { readonly key: string; readonly space: "system" };
  readonly #engine: Engine;
  readonly #parse: (value: Value | undefined) => T;
  #latest: Seen<T> | undefined;

  /** `parse` gets `undefined` while there is no entry. */
  constructor(engine: Engine, key: string, parse: (value: Value | undefined) => T) {
    this.at = { key, space: "system" };
    this.#engine = engine;
    this.#parse = parse;
  }

  /** The state as this object saw it last. It may be old: whether it is shows the commit that replaces it. */
  get latest(): Seen<T> | undefined {
    return this.#latest;
  }

  /** Makes sure that there is a `latest`, before a change. */
  async prepare(): Promise<Seen<T>> {
    await ensureLayout(this.#engine);
    return this.#latest ?? this.read();
  }

  async read(): Promise<Seen<T>> {
    await checkLayout(this.#engine);
    return this.see(await this.#engine.get(this.at.key, this.at.space));
  }

  /** Remembers what a commit has shown or written. */
  see(entry: Pick<Entry, "value" | "version"> | undefined): Seen<T> {
    this.#latest = { state: this.#parse(entry?.value), version: entry?.version ?? 0 };
    return this.#latest;
  }

  /** Sets the value whatever it was, or deletes the entry. */
  async overwrite(value: string | undefined, options: CommitOptions): Promise<void> {
    await ensureLayout(this.#engine);
    const mutation: Mutation =
      value === undefined ? { type: "delete", ...this.at } : { type: "set", ...this.at, value };
    await this.#engine.commit({ mutations: [mutation] }, options);
  }

  /** Sets the value if the entry still has this version, for calls that wait for it. Returns whether it had. Sees the newest either way. */
  async replace(
    version: number,
    change: { readonly value: string; readonly ttl?: number },
    calls: readonly { readonly deadline: Deadline }[],
  ): Promise<boolean> {
    const patience = Math.min(DEFAULT_TIMEOUT, ...calls.map(({ deadline }) => deadline.remaining));
    try {
      const { ok, reads } = await this.#engine.commit(
        {
          checks: [{ ...this.at, version }],
          mutations: [{ type: "set", ...this.at, ...change }],
          reads: [this.at],
        },
        { timeout: Math.max(1, patience) },
      );
      this.see(reads[0]![0]);
      return ok;
    } catch (error) {
      // Nothing was written. The least patient call may have no time left, and the others try again.
      if (error instanceof StoreError && error.code === "ERR_STORE_BUSY") return false;
      throw error;
    }
  }
}
