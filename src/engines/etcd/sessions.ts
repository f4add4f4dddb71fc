import { checkTtl } from "../../engine/check-commit.ts";
import type { Session, SessionOptions } from "../../engine/engine.ts";
import { Moment } from "../../engine/moment.ts";
import { StoreError } from "../../errors.ts";
import { LONGEST_TIMEOUT } from "../../limits.ts";
import { type Cluster, Refusal } from "./cluster.ts";
import { closedError, isLeaseMissing } from "./etcd-error.ts";
import { sessionOf } from "./lease-id.ts";
import { grantSessionLease, leaseSeconds } from "./leases.ts";

const DEFAULT_TTL = 10_000;
/** What is left of a lease when its session counts as lost: a part of it, for clocks that run unevenly, but at least so much. */
const MARGIN = 0.1;
const LEAST_MARGIN = 200;
/** After a try to prolong a lease that was not answered in its time. */
const RETRY_AFTER = 50;
/** How long a session's end is tried to be told to the server; after that the lease runs out by itself. */
const FAREWELL = 2000;

/** The sessions of an engine. */
export class Sessions {
  readonly #cluster: Cluster;
  readonly #open = new Set<EtcdSession>();
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
    const begun = new Moment();
    const { lease, granted } = await grantSessionLease(this.#cluster, seconds);
    const session: EtcdSession = new EtcdSession(this.#cluster, lease, granted * 1000, begun, () => {
      this.#open.delete(session);
      const now = performance.now();
      for (const [id, over] of this.#ended) if (over < now) this.#ended.delete(id);
      this.#ended.set(session.id, now + 2 * granted * 1000);
    });
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
}

/** A lease that is kept alive. Its owner is told before it can end on the server, by this machine's clocks. */
class EtcdSession implements Session {
  readonly id: string;
  readonly #cluster: Cluster;
  readonly #lease: string;
  readonly #ttl: number;
  readonly #margin: number;
  readonly #abort = new AbortController();
  readonly #ended: () => void;
  /** When the request was sent whose answer is the newest proof that the lease lives. */
  #proved: Moment;
  #refresher: NodeJS.Timeout;
  #watchdog: NodeJS.Timeout;
  #farewell: Promise<void> | undefined;

  constructor(cluster: Cluster, lease: string, ttl: number, proved: Moment, ended: () => void) {
    this.#cluster = cluster;
    this.#lease = lease;
    this.id = sessionOf(lease)!;
    this.#ttl = ttl;
    this.#margin = Math.max(ttl * MARGIN, LEAST_MARGIN);
    this.#proved = proved;
    this.#ended = ended;
    this.#refresher = this.#refreshLater();
    this.#watchdog = this.#watchLater();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  look(): void {
    if (this.#left() <= 0) this.lose(`the server did not prolong it within ${Math.round(this.#proved.ago)} ms`);
  }

  lose(why: string): void {
    const error = new StoreError(
      "ERR_STORE_SESSION_LOST",
      `The session ${this.id} was lost (${why}): its entries go, others may take what it held. Open another`,
    );
    // Perhaps the lease still lives: without it the others need not wait for its end.
    this.end(error).catch(() => {});
  }

  end(reason: StoreError): Promise<void> {
    this.#farewell ??= this.#end(reason);
    return this.#farewell;
  }

  async close(): Promise<void> {
    await this.end(new StoreError("ERR_STORE_CLOSED", "The session was closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(reason: StoreError): Promise<void> {
    clearTimeout(this.#refresher);
    clearTimeout(this.#watchdog);
    this.#ended();
    this.#abort.abort(reason);
    const lost = reason.code === "ERR_STORE_SESSION_LOST";
    try {
      await this.#cluster.call("Lease.LeaseRevoke", { ID: this.#lease }, { timeout: FAREWELL, keepAlive: !lost });
    } catch {
      // The lease ends by itself, after its time to live at the latest.
    }
  }

  /** Milliseconds until the session counts as lost. */
  #left(): number {
    return this.#ttl - this.#margin - this.#proved.ago;
  }

  #watchLater(): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        this.look();
        if (!this.signal.aborted) this.#watchdog = this.#watchLater();
      },
      Math.min(Math.max(1, this.#left()), LONGEST_TIMEOUT),
    );
    return timer.unref();
  }

  #refreshLater(delay = this.#ttl / 3): NodeJS.Timeout {
    return setTimeout(() => this.refresh(), Math.min(delay, LONGEST_TIMEOUT)).unref();
  }

  /** Prolongs the lease, or finds that it is gone. */
  async refresh(): Promise<void> {
    clearTimeout(this.#refresher);
    const begun = new Moment();
    try {
      const wait = { timeout: Math.min(this.#ttl / 3, LONGEST_TIMEOUT), keepAlive: false };
      const { TTL } = await this.#cluster.call("Lease.LeaseKeepAlive", { ID: this.#lease }, wait);
      if (this.signal.aborted) return;
      if (Number(TTL) <= 0) return this.lose("its lease is gone from the server");
      this.#proved = begun;
      this.#refresher = this.#refreshLater();
    } catch (error) {
      if (error instanceof Refusal && isLeaseMissing(error.failure)) this.lose("its lease is gone from the server");
      if (!this.signal.aborted) this.#refresher = this.#refreshLater(RETRY_AFTER);
    }
  }
}
