import type { StoreError } from "../errors.ts";
import { Elapsed } from "../wait/elapsed.ts";
import { LONGEST_TIMEOUT } from "../wait/timeout.ts";
import type { Session } from "./contract.ts";
import { closedError, sessionLostError } from "./standard-errors.ts";

/** What a session with a lease needs of its engine. */
export interface Lease {
  readonly id: string;
  /** In milliseconds. */
  readonly ttl: number;
  /** What is left of the lease when its session counts as lost, in milliseconds: for clocks that run unevenly. */
  readonly margin: number;
  /** Prolongs it on the server, within so many milliseconds; `false`: it is gone there. Keeps no process alive. */
  prolong(timeout: number): Promise<boolean>;
  /** Ends it on the server. What it throws does not matter: the lease ends by itself. */
  release(keepAlive: boolean): Promise<unknown>;
  /** Called once, when the session has ended in whichever way. */
  ended(): void;
}

/** After a try to prolong a lease that was not answered in its time, in milliseconds. */
const RETRY_AFTER = 50;
const SHORTEST_WAIT = 50;

/**
 * A session on an engine whose servers give leases: kept alive at a third of its time. Its owner is told before the lease can
 * end on the server, by this machine's clocks (Gray and Cheriton, "Leases", 1989), also when it was stopped meanwhile.
 */
export class LeasedSession implements Session {
  readonly #lease: Lease;
  readonly #abort = new AbortController();
  /** When the request was sent whose answer is the newest proof that the lease lives. */
  #proved: Elapsed;
  #refresher: NodeJS.Timeout;
  #watchdog: NodeJS.Timeout;
  #farewell: Promise<void> | undefined;

  /** `begun`: when the lease was asked for. */
  constructor(lease: Lease, begun: Elapsed) {
    this.#lease = lease;
    this.#proved = begun;
    this.#refresher = this.#refreshLater();
    this.#watchdog = this.#watchLater();
  }

  get id(): string {
    return this.#lease.id;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends it if the lease may be over. To be called before an answer of the server is passed on. */
  look(): void {
    if (this.#left() <= 0) this.lose(`no heartbeat was answered within ${Math.round(this.#proved.milliseconds)} ms`);
  }

  lose(why: string): void {
    const error = sessionLostError(this.id, why);
    // Perhaps the lease still lives: without it the others need not wait for its end.
    void this.end(error);
  }

  end(reason: StoreError): Promise<void> {
    this.#farewell ??= this.#end(reason);
    return this.#farewell;
  }

  async close(): Promise<void> {
    await this.end(closedError("session", this.id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Prolongs the lease, or finds that it is gone. */
  async refresh(): Promise<void> {
    clearTimeout(this.#refresher);
    this.look();
    if (this.signal.aborted) return;
    const begun = new Elapsed();
    try {
      const timeout = Math.min(Math.max(SHORTEST_WAIT, this.#lease.ttl / 3), LONGEST_TIMEOUT);
      const isAlive = await this.#lease.prolong(timeout);
      if (this.signal.aborted) return;
      if (!isAlive) return this.lose("its lease expired");
      this.#proved = begun;
      this.#refresher = this.#refreshLater();
    } catch {
      if (!this.signal.aborted) this.#refresher = this.#refreshLater(RETRY_AFTER);
    }
  }

  async #end(reason: StoreError): Promise<void> {
    clearTimeout(this.#refresher);
    clearTimeout(this.#watchdog);
    this.#lease.ended();
    this.#abort.abort(reason);
    await this.#lease.release(reason.code !== "ERR_STORE_SESSION_LOST").catch(() => {});
  }

  /** Milliseconds until it counts as lost. */
  #left(): number {
    return this.#lease.ttl - this.#lease.margin - this.#proved.milliseconds;
  }

  #watchLater(): NodeJS.Timeout {
    const check = () => {
      this.look();
      if (!this.signal.aborted) this.#watchdog = this.#watchLater();
    };
    return setTimeout(check, Math.min(Math.max(1, this.#left()), LONGEST_TIMEOUT)).unref();
  }

  #refreshLater(delay = this.#lease.ttl / 3): NodeJS.Timeout {
    return setTimeout(() => void this.refresh(), Math.min(delay, LONGEST_TIMEOUT)).unref();
  }
}
