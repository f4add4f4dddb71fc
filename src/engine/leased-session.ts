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
  /** Renews the lease within `timeout` milliseconds. Returns `false` if it has ended on the server. Keeps no process alive. */
  heartbeat(timeout: number): Promise<boolean>;
  /** Ends the lease on the server. An error does not matter, because the lease expires by itself. */
  release(keepAlive: boolean): Promise<unknown>;
  /** Called once, when the session has ended in any way, before its release. */
  ended(): void;
}

/** After a heartbeat that was not answered in its time, in milliseconds. */
const RETRY_AFTER = 50;
const SHORTEST_WAIT = 50;

/**
 * A session on an engine whose servers give leases: kept alive by a heartbeat at each third of its time. Its owner hears that
 * it is lost before the lease can end on the server, by this machine's clocks (Gray and Cheriton, "Leases", 1989), also when
 * the process was stopped meanwhile.
 */
export class LeasedSession implements Session {
  readonly #lease: Lease;
  readonly #abort = new AbortController();
  /** When the request was sent whose answer is the newest proof that the lease lives. */
  #proved: Elapsed;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;

  /** `begun`: when the lease was asked for. */
  constructor(lease: Lease, begun: Elapsed) {
    this.#lease = lease;
    this.#proved = begun;
    this.#heartbeatIn(lease.ttl / 3);
    this.#watchExpiry();
  }

  get id(): string {
    return this.#lease.id;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends the session if its lease may have expired. To be called before an answer of the server is passed on. */
  expireOverdue(): void {
    if (this.#left() <= 0) this.lose(`no heartbeat was answered within ${Math.round(this.#proved.milliseconds)} ms`);
  }

  /** Ends the session without its owner's doing. */
  lose(why: string): void {
    // The lease may still live. Without it the others need not wait for its end.
    void this.end(sessionLostError(this.id, why));
  }

  end(reason: StoreError): Promise<void> {
    this.#ending ??= this.#end(reason);
    return this.#ending;
  }

  async close(): Promise<void> {
    await this.end(closedError("session", this.id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Renews the lease, or finds that it has ended. */
  async heartbeat(): Promise<void> {
    clearTimeout(this.#heartbeatTimer);
    this.expireOverdue();
    if (this.signal.aborted) return;
    const begun = new Elapsed();
    try {
      const timeout = Math.min(Math.max(SHORTEST_WAIT, this.#lease.ttl / 3), LONGEST_TIMEOUT);
      const isAlive = await this.#lease.heartbeat(timeout);
      if (this.signal.aborted) return;
      if (!isAlive) return this.lose("its lease expired");
      this.#proved = begun;
      this.#heartbeatIn(this.#lease.ttl / 3);
    } catch {
      // The server is not reachable for the moment. The session ends if that lasts.
      if (!this.signal.aborted) this.#heartbeatIn(RETRY_AFTER);
    }
  }

  async #end(reason: StoreError): Promise<void> {
    clearTimeout(this.#heartbeatTimer);
    clearTimeout(this.#expiryTimer);
    this.#lease.ended();
    this.#abort.abort(reason);
    await this.#lease.release(reason.code !== "ERR_STORE_SESSION_LOST").catch(() => {});
  }

  /** Milliseconds until the session counts as lost. */
  #left(): number {
    return this.#lease.ttl - this.#lease.margin - this.#proved.milliseconds;
  }

  #watchExpiry(): void {
    const check = () => {
      this.expireOverdue();
      if (!this.signal.aborted) this.#watchExpiry();
    };
    this.#expiryTimer = setTimeout(check, Math.min(Math.max(1, this.#left()), LONGEST_TIMEOUT)).unref();
  }

  #heartbeatIn(delay: number): void {
    clearTimeout(this.#heartbeatTimer);
    this.#heartbeatTimer = setTimeout(() => void this.heartbeat(), Math.min(delay, LONGEST_TIMEOUT)).unref();
  }
}
