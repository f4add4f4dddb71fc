import type { CommitResult, Engine, Session } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import type { Range, RangeRead } from "../../engine/range.ts";
import { StoreError } from "../../errors.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { retryTransient } from "../../wait/transient.ts";
import type { HoldingOptions } from "../common/holding.ts";
import { abandon, sessionErrorOr } from "../common/session.ts";
import { untilAnswered } from "../common/until-answered.ts";
import { untilChanged } from "../common/until-changed.ts";

/** Above this many keys a watch of the whole line is cheaper than one of each. */
const MOST_WATCHED = 32;

export interface FifoPlaceOptions {
  readonly engine: Engine;
  readonly session: Session;
  /** The beginning of the line's keys. */
  readonly prefix: string;
  /** Unique in the session. */
  readonly id: number;
  readonly value: string;
  /** How many of the eldest have their turn at once. */
  readonly width: number;
}

/**
 * One's place in a first-come-first-served line of entries that are bound to their owners' sessions: the `width` eldest have
 * their turn, **by place alone**. A death or a leave is itself the turn of the next; no moment exists at which one too many has it.
 * The turn comes in the order of creation, so the version of the entry is a token that grows from turn to turn.
 *
 * Who waits watches the `width` nearest before it: as long as all of those are there its turn cannot have come, so one
 * of them going is the only news that it needs. Each that goes wakes at most `width` others, however long the line is.
 * (With `width` 1: the predecessor alone, the recipe of ZooKeeper, Curator and etcd's concurrency package.)
 */
export class FifoPlace {
  readonly key: string;
  readonly session: Session;
  readonly #engine: Engine;
  readonly #line: Range;
  readonly #value: string;
  readonly #width: number;

  constructor({ engine, session, prefix, id, value, width }: FifoPlaceOptions) {
    this.key = `${prefix}${session.id}-${id}`;
    this.session = session;
    this.#engine = engine;
    this.#line = { space: "system", prefix };
    this.#value = value;
    this.#width = width;
  }

  /** Takes the last place and waits for its turn; resolves to the token. If it fails there is no place any more. */
  async take(deadline: Deadline): Promise<number> {
    try {
      const { turn, nearest, version } = await this.#enter(deadline);
      return turn ?? (await this.#wait(nearest, version, [deadline.signal, this.session.signal]));
    } catch (error) {
      await this.#leave();
      throw sessionErrorOr(this.session, error);
    }
  }

  /** The token if it was its turn at once; otherwise `undefined`, and there is no place any more. */
  async tryTake(deadline: Deadline): Promise<number | undefined> {
    const full = await this.#engine.list({ ...this.#line, limit: this.#width });
    if (full.entries.length === this.#width) return undefined;
    try {
      const { turn } = await this.#enter(deadline);
      if (turn === undefined) await this.#leave();
      return turn;
    } catch (error) {
      await this.#leave();
      throw sessionErrorOr(this.session, error);
    }
  }

  /** What came with the turn, as a `Holding` takes it. */
  holding(token: number): Omit<HoldingOptions, "what"> {
    return { engine: this.#engine, session: this.session, key: this.key, version: token, token };
  }

  async #enter(deadline: Deadline): Promise<Standing> {
    const place = { space: "system", key: this.key } as const;
    const newest = { ...this.#line, order: "created", reverse: true, limit: this.#width + 1 } as const;
    const commit = {
      checks: [{ ...place, version: 0 }],
      mutations: [{ type: "set", ...place, value: this.#value, session: this.session.id } as const],
      reads: [...this.#reads, newest],
    };
    const result = await untilAnswered(() => this.#engine.commit(commit, deadline.commit));
    // After an attempt whose answer was lost, the newest entries may be younger than this place.
    return this.#standing(result, result.ok ? result.reads[2]! : []);
  }

  async #wait(nearest: readonly Entry[], version: number, signals: readonly AbortSignal[]): Promise<number> {
    return retryTransient(signals, async () => {
      for (;;) {
        if (nearest.length > 0) await untilChanged(this.#engine, this.#ranges(nearest), version, signals);
        const standing = this.#standing(await this.#engine.commit({ reads: this.#reads }), []);
        if (standing.turn !== undefined) return standing.turn;
        const whole = await this.#engine.list({ ...this.#line, order: "created" });
        const place = whole.entries.findIndex(({ key }) => key === this.key);
        nearest = place < this.#width ? [] : whole.entries.slice(place - this.#width, place);
        version = whole.version;
      }
    });
  }

  /** Oneself, and those whose turn it is. */
  get #reads(): RangeRead[] {
    return [
      { space: "system", key: this.key },
      { ...this.#line, order: "created", limit: this.#width },
    ];
  }

  #standing({ reads, version }: CommitResult, newest: readonly Entry[]): Standing {
    const own = reads[0]![0];
    if (!own) throw this.#loss();
    const isTurn = reads[1]!.some(({ key }) => key === this.key);
    return { turn: isTurn ? own.version : undefined, nearest: newest.filter(({ key }) => key !== this.key), version };
  }

  #ranges(entries: readonly Entry[]): Range[] {
    if (entries.length > MOST_WATCHED) return [this.#line];
    return entries.map(({ key }) => ({ space: "system", key }));
  }

  /** Why the own entry is gone. */
  #loss(): unknown {
    if (this.session.signal.aborted) return this.session.signal.reason;
    return new StoreError("ERR_STORE_SESSION_LOST", "The place in the line was lost together with its session");
  }

  async #leave(): Promise<void> {
    const mutations = [{ type: "delete", space: "system", key: this.key } as const];
    await abandon(this.session, () => this.#engine.commit({ mutations }));
  }
}

interface Standing {
  /** The token if it is one's turn. */
  readonly turn: number | undefined;
  /** The nearest before it, if they are known. */
  readonly nearest: readonly Entry[];
  readonly version: number;
}
