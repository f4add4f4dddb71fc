import { invalidType, outOfRange } from "../errors.ts";
import { Deadline, type WaitOptions } from "../wait/deadline.ts";
import { checkOptions } from "../wait/options.ts";
import { Holding, type HoldingOptions } from "./common/holding.ts";
import { checkLayout } from "./common/layout-version.ts";
import { describeOwner, type Owner, readOwner } from "./common/owner.ts";
import type { Participant } from "./common/participant.ts";
import { withSession } from "./common/session.ts";
import { systemPrefix } from "./common/system-key.ts";
import { FifoPlace } from "./fifo/place.ts";

/** The most permits that a semaphore can have. */
const MOST_PERMITS = 10_000;

export interface SemaphoreState {
  /** Who has a permit, the eldest first. */
  readonly held: SemaphoreOwner[];
  /** Who waits, the next one first. */
  readonly waiting: SemaphoreOwner[];
}

export interface SemaphoreOwner extends Owner {
  readonly token: number;
}

let nextId = 1;

/*
 * Algorithm: a line of session-bound entries in which the `permits` oldest hold (Dijkstra's counting semaphore; the leases
 * of Curator's `InterProcessSemaphoreV2`, without its inner lock). An acquire that need not wait is one commit, a
 * release too. A release wakes `permits` waiters at most.
 */

/**
 * At most `permits` holders at a time across all processes, first come, first served; the permit of a holder that dies
 * returns. Everybody should give the same number: each one waits until fewer than its own number are before it.
 */
export class Semaphore {
  readonly name: string;
  readonly permits: number;
  readonly #participant: Participant;
  readonly #prefix: string;

  constructor(participant: Participant, name: string, permits: number) {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    if (typeof permits !== "number") throw invalidType("permits", "a number", permits);
    if (!Number.isInteger(permits) || permits < 1 || permits > MOST_PERMITS)
      throw outOfRange("permits", `a whole number from 1 to ${MOST_PERMITS}`, permits);
    this.name = name;
    this.permits = permits;
    this.#participant = participant;
    this.#prefix = systemPrefix("semaphore", name);
  }

  /**
   * Waits for a permit. Rejects with the signal's reason, `ERR_STORE_TIMEOUT` (default: no timeout) or `ERR_STORE_CLOSED`; then
   * there is neither permit nor place. A session that is lost during the wait costs the place in the line: a new one is taken.
   */
  async acquire(options: WaitOptions = {}): Promise<Permit> {
    const permit = await this.#take("acquire", options, (place, deadline) => place.take(deadline));
    return permit!;
  }

  /** A permit if one is free now; otherwise `undefined`. */
  tryAcquire(options: WaitOptions = {}): Promise<Permit | undefined> {
    return this.#take("tryAcquire", options, (place, deadline) => place.tryTake(deadline));
  }

  /** The holders and the waiters now. */
  async state(): Promise<SemaphoreState> {
    const { engine } = this.#participant;
    await checkLayout(engine);
    const { entries } = await engine.list({ space: "system", prefix: this.#prefix, order: "created" });
    const owners = entries.map((entry) => ({ ...readOwner(entry), token: entry.version }));
    return { held: owners.slice(0, this.permits), waiting: owners.slice(this.permits) };
  }

  async #take(
    call: string,
    options: WaitOptions,
    take: (place: FifoPlace, deadline: Deadline) => Promise<number | undefined>,
  ): Promise<Permit | undefined> {
    checkOptions(options, ["signal", "timeout"], call);
    const deadline = new Deadline(options, `a permit of semaphore ${JSON.stringify(this.name)}`);
    const { engine } = this.#participant;
    const value = JSON.stringify(describeOwner());
    try {
      return await withSession(this.#participant, deadline, async (session) => {
        const id = nextId++;
        const place = new FifoPlace({ engine, session, prefix: this.#prefix, id, value, width: this.permits });
        const token = await take(place, deadline);
        return token === undefined ? undefined : new Permit(this.name, place.holding(token));
      });
    } finally {
      deadline[Symbol.dispose]();
    }
  }
}

/** A held permit. */
export class Permit extends Holding {
  /** The semaphore's. */
  readonly name: string;

  constructor(name: string, options: Omit<HoldingOptions, "what">) {
    super({ ...options, what: `The permit of the semaphore ${JSON.stringify(name)}` });
    this.name = name;
  }
}
