import type { CommitResult, Engine, Mutation, Session } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import type { RangeRead } from "../../engine/range.ts";
import { StoreError } from "../../errors.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { retryTransient } from "../../wait/transient.ts";
import { abandon } from "../common/session.ts";
import { untilAnswered } from "../common/until-answered.ts";
import { untilChanged } from "../common/until-changed.ts";
import { checkEntry, type LockLayout, type LockMode } from "./layout.ts";

export interface Grant {
  /** The holder's own entry. */
  readonly key: string;
  readonly version: number;
  readonly token: number;
  readonly ownerDied: boolean;
}

/**
 * One request for a lock, in a first-come-first-served line on the engine. **Whose turn it is is decided by place alone**: the
 * oldest request, or the oldest shared ones. A release or a death is itself the turn of the next; there is no moment at
 * which two have it. Each waits for the one before it only, a shared one for the last exclusive one before it. (The recipe of
 * ZooKeeper's and Curator's read-write locks and of etcd's concurrency package.)
 *
 * - Uncontended: one commit sets the own entry on the condition that nothing is in its way.
 * - Contended: one commit takes the place and shows who is before it; then a watch of that one's entry; then one that writes
 *   the grant down.
 * - The version of the commit that grants is the token, so that tokens grow.
 * - An exclusive holder sets the holder record, which is bound to no session, in the commit that grants; its release deletes
 *   the record. A request that finds one left over reports that the owner died.
 * - While the thief entry (`steal.ts`) is there, nothing is granted.
 */
export class LockRequest {
  readonly #engine: Engine;
  readonly #session: Session;
  readonly #layout: LockLayout;
  readonly #mode: LockMode;
  readonly #key: string;

  /** `id` is unique in the session. */
  constructor(engine: Engine, session: Session, layout: LockLayout, mode: LockMode, id: number) {
    this.#engine = engine;
    this.#session = session;
    this.#layout = layout;
    this.#mode = mode;
    this.#key = layout.key(mode, `${session.id}-${id}`);
  }

  /** Takes the lock if nothing is in the way, in one commit. Otherwise `undefined`, and there is no entry. */
  async takeFree(deadline: Deadline): Promise<Grant | undefined> {
    const checks = [{ empty: this.#mode === "exclusive" ? this.#layout.whole : this.#layout.beforeShared }];
    const mutations = [this.#set(true)];
    if (this.#mode === "exclusive") mutations.push(this.#layout.setHolder(this.#key));
    // If an attempt whose answer was lost was applied, the next one fails, and a place in the line begins at that entry.
    const { ok, version } = await untilAnswered(() => this.#engine.commit({ checks, mutations }, deadline.commit));
    return ok ? { key: this.#key, version, token: version, ownerDied: false } : undefined;
  }

  /** Takes the lock if it is free, although its last holder may have died. Otherwise `undefined`, and there is no entry. */
  async takeIfAvailable(deadline: Deadline): Promise<Grant | undefined> {
    const free = await this.takeFree(deadline);
    if (free) return free;
    const { reads } = await this.#engine.commit({ reads: this.#frontReads }, deadline.commit);
    const { own, exclusive, shared, thief } = frontOf({ reads, version: 0 });
    if (!own && (thief || exclusive || (shared && this.#mode === "exclusive"))) return undefined;
    const { front } = await this.#enter(deadline);
    const grant = front.own && this.#isTurn(front.own, front) ? await this.#accept(front.own, front) : undefined;
    if (!grant) await this.abandon();
    return grant;
  }

  /**
   * Takes a place at the end of the line, calls `entered`, and waits for its turn. Throws what the deadline or the session
   * ends with; the place is given up by `abandon()`.
   */
  async takeTurn(deadline: Deadline, entered: () => void): Promise<Grant> {
    let { front, before } = await this.#enter(deadline);
    entered();
    const signals = [deadline.signal, this.#session.signal];
    return retryTransient(signals, async () => {
      for (;;) {
        const { own, thief, version } = front;
        if (!own) throw this.#loss();
        if (this.#isTurn(own, front)) {
          const grant = await this.#accept(own, front);
          if (grant) return grant;
        } else {
          if (!before && !thief) before = await this.#predecessor(own);
          const awaited = before?.key ?? (thief && this.#layout.thief);
          if (awaited) await untilChanged(this.#engine, [{ space: "system", key: awaited }], version, signals);
        }
        const reads = before ? [...this.#frontReads, { space: "system", key: before.key } as const] : this.#frontReads;
        const result = await this.#engine.commit({ reads });
        front = frontOf(result);
        before = result.reads[FRONT]?.[0];
      }
    });
  }

  /** Gives up the place, and a grant whose answer was lost. */
  async abandon(): Promise<void> {
    const { holder, deleteHolder } = this.#layout;
    const deletion = { type: "delete", space: "system", key: this.#key } as const;
    await abandon(this.#session, async () => {
      for (;;) {
        const { reads } = await this.#engine.commit({ reads: [{ space: "system", key: holder }] });
        const found = reads[0]![0];
        const isOwn = found?.value === this.#key;
        const checks = isOwn ? [checkEntry(holder, found)] : [];
        const mutations = isOwn ? [deletion, deleteHolder] : [deletion];
        if ((await this.#engine.commit({ checks, mutations })).ok) return;
      }
    });
  }

  /** Sets the own entry, and reads the front and who is before it. */
  async #enter(deadline: Deadline): Promise<{ front: Front; before: Entry | undefined }> {
    const { exclusive, shared } = this.#layout;
    const reads: RangeRead[] = [...this.#frontReads, { ...exclusive, order: "created", reverse: true, limit: 2 }];
    if (this.#mode === "exclusive") reads.push({ ...shared, order: "created", reverse: true, limit: 1 });
    const commit = { checks: [checkEntry(this.#key, undefined)], mutations: [this.#set(false)], reads };
    const result = await untilAnswered(() => this.#engine.commit(commit, deadline.commit));
    const front = frontOf(result);
    // After an attempt whose answer was lost the newest entries may be younger: the predecessor is read when it is needed.
    return { front, before: result.ok ? lastBefore(front.own!, result.reads.slice(FRONT).flat()) : undefined };
  }

  async #predecessor(own: Entry): Promise<Entry | undefined> {
    const { exclusive, whole } = this.#layout;
    const { entries } = await this.#engine.list(this.#mode === "exclusive" ? whole : exclusive);
    return lastBefore(
      own,
      entries.filter(({ key }) => this.#layout.isRequest(key)),
    );
  }

  #isTurn(own: Entry, { thief, exclusive, shared }: Front): boolean {
    if (thief) return false;
    if (this.#mode === "shared") return !exclusive || exclusive.createdVersion > own.createdVersion;
    return exclusive?.key === own.key && (!shared || shared.createdVersion > own.createdVersion);
  }

  /** Writes the grant down. `undefined`: things have changed in between. */
  async #accept(own: Entry, { holder }: Front): Promise<Grant | undefined> {
    // By an earlier attempt whose answer was lost.
    if (holder?.value === this.#key)
      return { key: this.#key, version: own.version, token: holder.version, ownerDied: false };
    const layout = this.#layout;
    const isExclusive = this.#mode === "exclusive";
    // An exclusive request's entry stays as it is, so as not to wake the one that watches it.
    const mutations = [isExclusive ? layout.setHolder(this.#key) : this.#set(true)];
    const checks = [checkEntry(this.#key, own), checkEntry(layout.thief, undefined), checkEntry(layout.holder, holder)];
    const { ok, version: token } = await this.#engine.commit({ checks, mutations });
    if (!ok) return undefined;
    return { key: this.#key, version: isExclusive ? own.version : token, token, ownerDied: holder !== undefined };
  }

  get #frontReads(): RangeRead[] {
    const { exclusive, shared, thief, holder } = this.#layout;
    return [
      { space: "system", key: this.#key },
      { ...exclusive, order: "created", limit: 1 },
      { ...shared, order: "created", limit: 1 },
      { space: "system", key: thief },
      { space: "system", key: holder },
    ];
  }

  #set(granted: boolean): Mutation {
    return this.#layout.set(this.#key, this.#mode, this.#session.id, granted);
  }

  /** Why the own entry is gone. */
  #loss(): unknown {
    if (this.#session.signal.aborted) return this.#session.signal.reason;
    return new StoreError("ERR_STORE_SESSION_LOST", "The place in the lock's line was lost together with its session");
  }
}

/** What decides whose turn it is, as read at one version. */
interface Front {
  readonly version: number;
  readonly own: Entry | undefined;
  /** The oldest. */
  readonly exclusive: Entry | undefined;
  /** The oldest. */
  readonly shared: Entry | undefined;
  readonly thief: Entry | undefined;
  /** The holder record. */
  readonly holder: Entry | undefined;
}

/** How many reads the front takes. */
const FRONT = 5;

function frontOf({ reads, version }: Pick<CommitResult, "reads" | "version">): Front {
  const [own, exclusive, shared, thief, holder] = reads.map((entries) => entries[0]);
  return { version, own, exclusive, shared, thief, holder };
}

function lastBefore(own: Entry, entries: readonly Entry[]): Entry | undefined {
  let last: Entry | undefined;
  for (const entry of entries) {
    if (entry.createdVersion < own.createdVersion && (!last || entry.createdVersion > last.createdVersion))
      last = entry;
  }
  return last;
}
