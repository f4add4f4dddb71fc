import type { StoreError } from "../errors.ts";
import { Elapsed } from "../wait/elapsed.ts";
import type { Session, SessionOptions } from "./contract.ts";
import { LeasedSession } from "./leased-session.ts";
import { sessionEndedError } from "./standard-errors.ts";
import { checkTtl } from "./validate.ts";

/** The leases of an engine's server. A lease has the ID of its session. */
export interface Leases {
  /** Asks the server for a lease of `ttl` milliseconds. Returns its ID, and its `ttl` if the server has rounded it up. */
  grant(ttl: number): Promise<{ readonly id: string; readonly ttl: number }>;
  /** What is left of a lease of `ttl` milliseconds when its session counts as lost, in milliseconds. */
  margin(ttl: number): number;
  /** Renews the lease. Returns `false` if it has ended on the server. */
  heartbeat(lease: { readonly id: string; readonly ttl: number }, timeout: number): Promise<boolean>;
  /** Ends the lease. Resolves only once the server has confirmed that the lease has ended. */
  release(id: string, options: { readonly timeout: number; readonly keepAlive: boolean }): Promise<unknown>;
}

const DEFAULT_TTL = 10_000;
/** How long the release of a lease is tried, in milliseconds. After that the lease expires by itself. */
const RELEASE_TIMEOUT = 2000;

/** The sessions that one engine has opened. */
export class LeasedSessions {
  readonly #leases: Leases;
  readonly #open = new Map<string, LeasedSession>();
  /**
   * The sessions that have ended and whose release the server has not confirmed, with the time (as of `performance.now()`)
   * until which they are kept. Once the lease has ended on the server, the server itself refuses a commit for it, so that an ID
   * need not be kept after a confirmed release, nor after the time in which the lease must have expired. No session can be
   * opened while the server is away, which bounds their number.
   */
  readonly #unreleased = new Map<string, number>();
  #closed: StoreError | undefined;

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  async open({ ttl: asked = DEFAULT_TTL }: SessionOptions = {}): Promise<Session> {
    checkTtl(asked);
    if (this.#closed) throw this.#closed;
    const begun = new Elapsed();
    const lease = await this.#leases.grant(asked);
    const { id, ttl } = lease;
    const session = new LeasedSession(
      {
        id,
        ttl,
        margin: this.#leases.margin(ttl),
        heartbeat: (timeout) => this.#leases.heartbeat(lease, timeout),
        release: async (keepAlive) => {
          await this.#leases.release(id, { timeout: RELEASE_TIMEOUT, keepAlive });
          this.#unreleased.delete(id);
        },
        ended: () => this.#ended(id, ttl),
      },
      begun,
    );
    this.#open.set(id, session);
    // Closed while the server was asked.
    if (this.#closed) {
      await session.end(this.#closed);
      throw this.#closed;
    }
    return session;
  }

  /** Ends the sessions whose lease may have expired. To be called before an answer of the server is passed on. */
  expireOverdue(): void {
    for (const session of this.#open.values()) session.expireOverdue();
  }

  /** @throws StoreError `ERR_STORE_SESSION_LOST` if the session was opened here and is known to have ended. */
  assertOpen(id: string): void {
    this.#open.get(id)?.expireOverdue();
    if (this.#unreleased.has(id)) throw sessionEndedError(id);
  }

  /** Ends the session because the server reports that its lease has ended. */
  lose(id: string): void {
    this.#open.get(id)?.lose("the server ended it");
  }

  /**
   * Asks the server whether the lease of the session still lives, and ends the session if it does not. Returns whether the
   * session is open here.
   */
  async heartbeat(id: string): Promise<boolean> {
    await this.#open.get(id)?.heartbeat();
    return this.#open.has(id);
  }

  /** Ends all sessions, and those that are being opened. */
  async close(reason: StoreError): Promise<void> {
    this.#closed = reason;
    await Promise.all([...this.#open.values()].map((session) => session.end(reason)));
  }

  #ended(id: string, ttl: number): void {
    this.#open.delete(id);
    const now = performance.now();
    for (const [other, until] of this.#unreleased) if (until < now) this.#unreleased.delete(other);
    // A heartbeat that is still on its way may renew the lease once more.
    this.#unreleased.set(id, now + 2 * ttl);
  }
}
