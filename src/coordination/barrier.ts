import type { Check, Mutation, Session } from "../engine/contract.ts";
import type { Entry } from "../engine/entry.ts";
import type { RangeRead } from "../engine/range.ts";
import { invalidType, outOfRange } from "../errors.ts";
import { compareAndSet } from "../wait/compare-and-set.ts";
import { Deadline, type WaitOptions } from "../wait/deadline.ts";
import { checkOptions } from "../wait/options.ts";
import { retryTransient } from "../wait/transient.ts";
import { checkLayout } from "./common/layout-version.ts";
import { describeOwner, type Owner, readOwner } from "./common/owner.ts";
import type { Participant } from "./common/participant.ts";
import { parseRecord } from "./common/record.ts";
import { abandon, openSession } from "./common/session.ts";
import { systemKey, systemPrefix } from "./common/system-key.ts";
import { untilAnswered } from "./common/until-answered.ts";
import { untilChanged } from "./common/until-changed.ts";

/** The most parties that a barrier can have: those who open it write all their entries in one commit. */
const MOST_PARTIES = 1000;

/** How long those who were let through can read it there, in milliseconds. Who comes later finds out by its session. */
const OPENING_TTL = 60_000;

/** A barrier as observers see it. */
export interface BarrierState {
  readonly parties: number;
  /** The parties that have come and wait, the first one first. */
  readonly waiting: Owner[];
}

let nextId = 1;

/*
 * Algorithm: the parties' entries are bound to their sessions. Arrivals are serialised by a counter that each of them
 * raises, so that every party knows for certain how many came before it; the last one takes all entries away, in one commit,
 * and writes down whom it let through. (A cyclic barrier as in java.util.concurrent, on the barrier recipe of ZooKeeper; the
 * counter makes it safe that the last to come may stop or die at any moment.) Each waits for the opening alone.
 */

/**
 * All wait until `parties` have come; then the barrier opens for them, and closes behind them for the next round. A party that
 * dies or gives up while it waits is not counted: at the moment of opening all `parties` were alive. Everybody should give the
 * same number. An object may wait more than once at a time, and counts each time.
 */
export class Barrier {
  readonly name: string;
  readonly parties: number;
  readonly #participant: Participant;
  readonly #prefix: string;
  readonly #arrivals: string;
  readonly #opening: string;

  constructor(participant: Participant, name: string, parties: number) {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    if (typeof parties !== "number") throw invalidType("parties", "a number", parties);
    // An engine's limit of operations counts the checks and the deletes of all parties.
    const most = Math.min(MOST_PARTIES, Math.floor((participant.engine.capabilities.limits.commitOperations - 8) / 2));
    if (!Number.isInteger(parties) || parties < 1 || parties > most)
      throw outOfRange("parties", `a whole number from 1 to ${most}`, parties);
    this.name = name;
    this.parties = parties;
    this.#participant = participant;
    this.#prefix = systemPrefix("barrier", name, "party");
    this.#arrivals = systemKey("barrier", name, "arrivals");
    this.#opening = systemKey("barrier", name, "opening");
  }

  /**
   * Arrives, and waits for the others. Rejects with the signal's reason, `ERR_STORE_TIMEOUT` (default: no timeout),
   * `ERR_STORE_CLOSED`, or `ERR_STORE_SESSION_LOST`: then this party is not counted. If the barrier opened for it first, it resolves.
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    checkOptions(options, ["signal", "timeout"], "wait");
    const deadline = new Deadline(options, `barrier ${JSON.stringify(this.name)} to open`);
    try {
      const session = await openSession(this.#participant, deadline);
      const key = `${this.#prefix}${session.id}-${nextId++}`;
      try {
        const version = await compareAndSet(deadline, () => this.#arrive(session, key, deadline));
        if (version !== OPENED) await this.#opened(session, key, version, deadline);
      } catch (error) {
        const isOpened = await abandon(session, () => this.#leave(key));
        if (!isOpened) throw error;
      }
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** The parties that have come and wait now. */
  async state(): Promise<BarrierState> {
    const { engine } = this.#participant;
    await checkLayout(engine);
    const { entries } = await engine.list(this.#waiting);
    return { parties: this.parties, waiting: entries.map((entry) => readOwner(entry)) };
  }

  get #waiting(): RangeRead {
    return { space: "system", prefix: this.#prefix, order: "created" };
  }

  /** Comes as one more, or as the last one. `undefined`: somebody came in between. */
  async #arrive(session: Session, key: string, deadline: Deadline): Promise<number | undefined> {
    const { engine } = this.#participant;
    const reads = [this.#at(this.#arrivals), this.#waiting, this.#at(key), this.#at(this.#opening)];
    const found = await engine.commit({ reads }, deadline.commit);
    const [arrivals, waiting, own, opening] = found.reads;
    // An earlier try was made although its answer was lost.
    if (own![0]) return found.version;
    if (letThrough(opening![0], key)) return OPENED;
    const others = waiting!.slice(0, this.parties - 1);
    const isLast = others.length === this.parties - 1;
    const checks: Check[] = [{ ...this.#at(this.#arrivals), version: arrivals![0]?.version ?? 0 }];
    const mutations: Mutation[] = [];
    if (isLast) {
      mutations.push({ type: "delete", ...this.#at(this.#arrivals) });
      for (const { key: other, version } of others) {
        checks.push({ ...this.#at(other), version });
        mutations.push({ type: "delete", ...this.#at(other) });
      }
      const through = [...others.map((other) => other.key), key];
      mutations.push({ type: "set", ...this.#at(this.#opening), value: JSON.stringify(through), ttl: OPENING_TTL });
    } else {
      mutations.push({ type: "set", ...this.#at(this.#arrivals), value: "" });
      mutations.push({ type: "set", ...this.#at(key), value: JSON.stringify(describeOwner()), session: session.id });
    }
    // An attempt whose answer was lost is found by the next arrival.
    const result = await untilAnswered(() => engine.commit({ checks, mutations }, deadline.commit));
    if (!result.ok) return undefined;
    return isLast ? OPENED : result.version;
  }

  /** Waits until the own entry was taken away by the one that opened. */
  async #opened(session: Session, key: string, from: number, deadline: Deadline): Promise<void> {
    const { engine } = this.#participant;
    const signals = [deadline.signal, session.signal];
    let version = from;
    await retryTransient(signals, async () => {
      for (;;) {
        await untilChanged(engine, [this.#at(key)], version, signals);
        const found = await engine.commit({ reads: [this.#at(key), this.#at(this.#opening)] });
        if (!found.reads[0]![0]) return this.#confirm(session, key, found.reads[1]![0]);
        version = found.version;
      }
    });
  }

  /** Throws unless the barrier opened for this party, whose entry is gone. */
  async #confirm(session: Session, key: string, opening: Entry | undefined): Promise<void> {
    if (letThrough(opening, key)) return;
    // The next round may have been opened since. Only an opening, or the end of the session, takes an entry away.
    const probe = this.#at(systemKey("barrier-probe", session.id));
    const { engine } = this.#participant;
    await engine.commit({ mutations: [{ type: "set", ...probe, value: "", session: session.id }] });
    await engine.commit({ mutations: [{ type: "delete", ...probe }] });
  }

  /** Takes the own entry away, and the counter when nobody is left; whether the barrier had opened for this party. */
  async #leave(key: string): Promise<boolean> {
    const { engine } = this.#participant;
    const deletion = { type: "delete", ...this.#at(key) } as const;
    const empty = { space: "system", prefix: this.#prefix } as const;
    const reads = [this.#at(this.#opening), { ...empty, limit: 1 }];
    const left = await engine.commit({ mutations: [deletion], reads });
    if (left.reads[1]!.length === 0) {
      const reset = { type: "delete", ...this.#at(this.#arrivals) } as const;
      await engine.commit({ checks: [{ empty }], mutations: [reset] });
    }
    return letThrough(left.reads[0]![0], key);
  }

  #at(key: string): { readonly space: "system"; readonly key: string } {
    return { space: "system", key };
  }
}

/** A version that no entry has. */
const OPENED = 0;

function letThrough(opening: Entry | undefined, key: string): boolean {
  return opening !== undefined && parseRecord<string[]>(opening, Array.isArray).includes(key);
}
