import type { Session, SessionOptions } from "../../engine/contract.ts";
import { LeasedSession } from "../../engine/leased-session.ts";
import { checkTtl } from "../../engine/validate.ts";
import { Elapsed } from "../../wait/elapsed.ts";
import { type Cluster, Refusal } from "./connect/cluster.ts";
import { closedError, isLeaseMissing } from "./connect/etcd-error.ts";
import { sessionOf } from "./data/lease-id.ts";
import { grantSessionLease, leaseSeconds } from "./data/leases.ts";

const DEFAULT_TTL = 10_000;
/** What is left of a lease when its session counts as lost: a part of it, for clocks that run unevenly, but at least so much. */
const MARGIN = 0.1;
const LEAST_MARGIN = 200;
/** How long a session's end is tried to be told to the server; after that the lease runs out by itself. */
const FAREWELL = 2000;

/** The sessions of an engine. */
export class Sessions {
  readonly #cluster: Cluster;
  readonly #open = new Set<LeasedSession>();
  /** Those that have ended, until the time at which their leases are over in any case. */
  readonly #ended = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Whether it was a session of this engine, and has ended. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  async open({ ttl = DEFAULT_TTL }: SessionOptions = {}): Promise<Session> {
    checkTtl(ttl);
    const seconds = leaseSeconds(ttl);
    const begun = new Elapsed();
    const { lease, granted } = await grantSessionLease(this.#cluster, seconds);
    const id = sessionOf(lease)!;
    const life = granted * 1000;
    const session: LeasedSession = new LeasedSession(
      {
        id,
        ttl: life,
        margin: Math.max(life * MARGIN, LEAST_MARGIN),
        prolong: (timeout) => this.#prolong(lease, timeout),
        release: (keepAlive) =>
          this.#cluster.call("Lease.LeaseRevoke", { ID: lease }, { timeout: FAREWELL, keepAlive }),
        ended: () => {
          this.#open.delete(session);
          const now = performance.now();
          for (const [id, over] of this.#ended) if (over < now) this.#ended.delete(id);
          this.#ended.set(id, now + 2 * life);
        },
      },
      begun,
    );
    this.#open.add(session);
    if (this.#cluster.closed) {
      await session.end(closedError());
      throw closedError();
    }
    return session;
  }

  /** Ends the sessions whose lease may be over. Called before any answer of the server is passed on. */
  look(): void {
    for (const session of this.#open) session.look();
  }

  /** Asks the server whether the session still lives. */
  async verify(id: string): Promise<void> {
    for (const session of this.#open) if (session.id === id) await session.refresh();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((session) => session.end(closedError())));
  }

  async #prolong(lease: string, timeout: number): Promise<boolean> {
    try {
      const { TTL } = await this.#cluster.call("Lease.LeaseKeepAlive", { ID: lease }, { timeout, keepAlive: false });
      return Number(TTL) > 0;
    } catch (error) {
      if (error instanceof Refusal && isLeaseMissing(error.failure)) return false;
      throw error;
    }
  }
}
