import type {
  Commit,
  CommitOptions,
  CommitResult,
  Engine,
  EngineInfo,
  Listing,
  Mutation,
  Session,
  SessionOptions,
  Watch,
  WatchOptions,
} from "../../engine/contract.ts";
import type { Change, Entry, Space } from "../../engine/entry.ts";
import type { LeasedSessions } from "../../engine/leased-sessions.ts";
import { checkKey } from "../../engine/limits.ts";
import type { Range, RangeRead } from "../../engine/range.ts";
import { closedError, outcomeUnknownError, sessionEndedError } from "../../engine/standard-errors.ts";
import { checkCommit, checkRange, checkWatch } from "../../engine/validate.ts";
import { StoreError } from "../../errors.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { ETCD_CAPABILITIES } from "./capabilities.ts";
import { Cluster, Refusal } from "./connect/cluster.ts";
import { isLeaseMissing } from "./connect/etcd-error.ts";
import { parseEtcdLocation } from "./connect/location.ts";
import type { Layout } from "./data/layout.ts";
import { leaseOf } from "./data/lease-id.ts";
import { grantExpiryLease, leaseSeconds, revokeLease } from "./data/leases.ts";
import { readListing, whole } from "./data/listing.ts";
import { claimPrefix } from "./data/prefix.ts";
import { entriesOf, readsOf, transactionOf } from "./data/transaction.ts";
import { etcdInfo } from "./info.ts";
import { etcdSessions } from "./sessions.ts";
import { Watches } from "./watch/watches.ts";

/**
 * A store in etcd (3.4 or later), below a prefix that holds nothing else. Linearizable: what `commit` acknowledged is
 * durable on a majority of the members, and every read sees it. `docs/engines/etcd.md` has the URL's form and options, the
 * guarantees and what happens under which failure.
 *
 * Throws `TypeError` or `RangeError` for a wrong URL, `ERR_STORE_CLIENT_MISSING`, `ERR_STORE_UNAVAILABLE`,
 * `ERR_STORE_AUTHENTICATION`, `ERR_STORE_PERMISSION`, `ERR_STORE_INCOMPATIBLE_SERVER`, `ERR_STORE_FOREIGN_PREFIX` and
 * `ERR_STORE_NEWER_FORMAT`.
 */
export async function openEtcdEngine(url: string): Promise<Engine> {
  const cluster = await Cluster.open(parseEtcdLocation(url));
  try {
    const claim = await claimPrefix(cluster);
    return new EtcdEngine(cluster, claim.layout, claim.initialized);
  } catch (error) {
    cluster.close();
    throw error;
  }
}

class EtcdEngine implements Engine {
  readonly name = "etcd";
  readonly capabilities = ETCD_CAPABILITIES;
  readonly #cluster: Cluster;
  readonly #layout: Layout;
  readonly #sessions: LeasedSessions;
  readonly #watches: Watches;
  /** Whether it is known that a value was set once. */
  #initialized: boolean;
  #closing: Promise<void> | undefined;

  constructor(cluster: Cluster, layout: Layout, initialized: boolean) {
    this.#cluster = cluster;
    this.#layout = layout;
    this.#initialized = initialized;
    this.#sessions = etcdSessions(cluster);
    this.#watches = new Watches(cluster, layout);
    cluster.onAnswer = () => this.#sessions.expireOverdue();
  }

  async get(key: string, space?: Space): Promise<Entry | undefined> {
    checkKey(key, this.capabilities.limits);
    this.#assertOpen();
    const { serializable } = this.#cluster.location;
    const { kvs } = await this.#cluster.ask("KV.Range", { key: this.#layout.key(key, space), serializable });
    return kvs[0] && this.#layout.entry(kvs[0], space);
  }

  async list(range: RangeRead): Promise<Listing> {
    checkRange(range, this.capabilities.limits);
    this.#assertOpen();
    return readListing(this.#cluster, this.#layout, range);
  }

  async commit(commit: Commit, options: CommitOptions = {}): Promise<CommitResult> {
    checkCommit(commit, this.capabilities.limits);
    const timeout = checkTimeout(options.timeout ?? DEFAULT_TIMEOUT);
    const { signal } = options;
    signal?.throwIfAborted();
    this.#assertOpen();
    const mutations = commit.mutations ?? [];
    for (const mutation of mutations) this.#checkSession(mutation);
    const begun = performance.now();
    const wait = () => ({ timeout: Math.max(1, timeout - (performance.now() - begun)), signal });
    const leases = new Map<number, string>();
    try {
      for (const mutation of mutations) {
        if (mutation.type !== "set" || mutation.ttl === undefined) continue;
        const seconds = leaseSeconds(mutation.ttl);
        if (!leases.has(seconds)) leases.set(seconds, await grantExpiryLease(this.#cluster, seconds, wait));
      }
      const result = await this.#transact(commit, leases, wait);
      if (!result.ok) for (const lease of leases.values()) revokeLease(this.#cluster, lease);
      return result;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      for (const lease of leases.values()) revokeLease(this.#cluster, lease);
      throw isLeaseMissing(error.failure) ? await this.#leaseMissing(mutations, error) : this.#cluster.explain(error);
    }
  }

  watch(ranges: readonly Range[], options: WatchOptions = {}): Watch<Change[]> {
    checkWatch(ranges, options, this.capabilities.limits);
    this.#assertOpen();
    return this.#watches.open(ranges, options);
  }

  async openSession(options?: SessionOptions): Promise<Session> {
    this.#assertOpen();
    return this.#sessions.open(options);
  }

  async info(): Promise<EngineInfo> {
    this.#assertOpen();
    return etcdInfo(this.#cluster, this.#layout);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const reason = this.#closedError();
    this.#watches.close(reason);
    await this.#sessions.close(reason);
    this.#cluster.close();
  }

  #assertOpen(): void {
    if (this.#closing) throw this.#closedError();
  }

  #closedError(): StoreError {
    return closedError("store", this.#cluster.location.shown);
  }

  async #transact(
    commit: Commit,
    leases: ReadonlyMap<number, string>,
    wait: () => { timeout: number; signal: AbortSignal | undefined },
  ): Promise<CommitResult> {
    const { mutations = [], reads = [] } = commit;
    const initialize = !this.#initialized && mutations.some(({ type, space }) => type === "set" && space === undefined);
    const transaction = transactionOf(
      commit,
      this.#layout,
      ({ session, ttl }) =>
        session !== undefined ? leaseOf(session) : ttl !== undefined ? leases.get(leaseSeconds(ttl)) : undefined,
      initialize,
    );
    const repeatable = mutations.length === 0;
    const response = await this.#cluster.call("KV.Txn", transaction, { ...wait(), repeatable });
    if (initialize && response.succeeded) this.#initialized = true;
    const version = Number(response.header!.revision);
    const answers = readsOf(response);
    const entries = reads.map(async (read, i) => {
      const kvs = await whole(this.#cluster, this.#layout, read, answers[i]!, version);
      return entriesOf(read, { kvs }, this.#layout);
    });
    try {
      return { ok: response.succeeded, version, reads: await Promise.all(entries) };
    } catch (error) {
      // The errors of a read that follows tell that nothing was written. Here something was.
      if (repeatable || !response.succeeded) throw error;
      throw outcomeUnknownError(this.#cluster.location.shown, "the rest of its reads failed", error);
    }
  }

  #checkSession(mutation: Mutation): void {
    if (mutation.type !== "set" || mutation.session === undefined) return;
    if (leaseOf(mutation.session) === undefined) throw sessionEndedError(mutation.session);
    this.#sessions.assertOpen(mutation.session);
  }

  /** The error of a commit that the server refused for want of a lease: that of a session, or that of a time to live. */
  async #leaseMissing(mutations: readonly Mutation[], cause: Refusal): Promise<StoreError> {
    const sets = mutations.filter((mutation) => mutation.type === "set");
    const sessions = sets.flatMap(({ session }) => session ?? []);
    for (const id of sessions) if (!(await this.#sessions.heartbeat(id))) return sessionEndedError(id, { cause });
    if (sets.every(({ ttl }) => ttl === undefined)) return sessionEndedError(sessions[0]!, { cause });
    return new StoreError(
      "ERR_STORE_UNAVAILABLE",
      `Cannot commit to ${this.#cluster.location.shown}: the time to live of an entry was over before the server took the ` +
        "commit. Nothing was written. Call again",
      { cause },
    );
  }
}
