import { invalidType, outOfRange } from "../errors.ts";
import { Deadline, type WaitOptions } from "../wait/deadline.ts";
import { Holding, type HoldingOptions } from "./common/holding.ts";
import { describeOwner, type Owner } from "./common/owner.ts";
import type { Participant } from "./common/participant.ts";
import { isSessionLost } from "./common/session-wait.ts";
import { systemPrefix } from "./common/system-key.ts";
import { QueuePlace } from "./fifo/place.ts";

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

/**
 * At most `permits` holders at a time across all processes, first come, first served; the permit of a holder that dies
 * returns. Everybody should give the same number: each one waits until fewer than its own number are before it.
 *
 * Algorithm: a queue of session-bound entries in which the `permits` eldest hold (Dijkstra's counting semaphore; the leases
 * of Curator's `InterProcessSemaphoreV2`, without its inner lock). An acquire that need not wait is one commit, a
 * release too. A release wakes `permits` waiters at most.
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
   * Waits for a permit. Rejects with the signal's reason, `ERR_STORE_TIMEOUT` (default: no time-out) or `ERR_STORE_CLOSED`; then
   * there is neither permit nor place. A session that is lost during the wait costs the place in the queue: a new one is taken.
   */
  async acquire(options: WaitOptions = {}): Promise<Permit> {
    const permit = await this.#take(options, (place, deadline) => place.take(deadline));
    return permit!;
  }

  /** A permit if one is free now; otherwise `undefined`. */
  tryAcquire(options: WaitOptions = {}): Promise<Permit | undefined> {
    return this.#take(options, (place, deadline) => place.tryTake(deadline));
  }

  /** Who holds and who waits now. */
  async query(): Promise<SemaphoreState> {
    const { entries } = await this.#participant.engine.list({
      space: "system",
      prefix: this.#prefix,
      order: "created",
    });
    const owners = entries.map(({ value, version }) => ({ ...(JSON.parse(value as string) as Owner), token: version }));
    return { held: owners.slice(0, this.permits), waiting: owners.slice(this.permits) };
  }

  async #take(
    options: WaitOptions,
    take: (place: QueuePlace, deadline: Deadline) => Promise<number | undefined>,
  ): Promise<Permit | undefined> {
    const deadline = new Deadline(options, `A permit of the semaphore ${JSON.stringify(this.name)}`);
    try {
      for (;;) {
        deadline.throwIfOver();
        const session = await this.#participant.session();
        const place = new QueuePlace({
          engine: this.#participant.engine,
          session,
          prefix: this.#prefix,
          id: nextId++,
          value: JSON.stringify(describeOwner()),
          width: this.permits,
        });
        try {
          const token = await take(place, deadline);
          return token === undefined ? undefined : new Permit(this.name, place.holding(token));
        } catch (error) {
          // A new place, in the name of a new session.
          if (!isSessionLost(error)) throw error;
        }
      }
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
