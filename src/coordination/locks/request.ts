import type { CommitResult, Engine, Mutation, Session } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import type { RangeRead } from "../../engine/range.ts";
import { StoreError } from "../../errors.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { isOutcomeUnknown, retryTransient } from "../../wait/transient.ts";
import { deleteUntilGone } from "../common/session-wait.ts";
import { untilChanged } from "../common/until-changed.ts";
import { checkEntry, type LockEntries, type LockMode } from "./layout.ts";

/** For how long an abandoned wait is held up by a store that does not answer, in milliseconds. */
const LEAVE_TIMEOUT = 1000;

export interface Grant {
  /** The holder's own entry. */
  readonly key: string;
  readonly version: number;
  readonly token: number;
  readonly ownerDied: boolean;
}

/**
 * One request for a lock, in a first-come-first-served queue on the engine. **Whose turn it is is decided by place alone**: the
 * eldest request, or the eldest shared ones. A release or a death is itself the turn of the next; there is no moment at
 * which two have it. Each waits for the one before it only, a shared one for the last exclusive one before it. (The recipe of
 * ZooKeeper's and Curator's read-write locks and of etcd's concurrency package.)
 *
 * - Uncontended: one commit sets the own entry on the condition that nothing is in its way.
 * - Contended: one commit takes the place and shows who is before it; then a watch of that one's entry; then one that writes
 *   the grant down.
 * - The version of the commit that grants is the token, so that tokens grow.
 * - An exclusive holder leaves a mark that is not bound to its session, in the commit that grants; the one that releases takes it
 *   away. Whoever finds one left over learns that the owner died.
 * - While the entry of a thief (`LockSteal`) is there, nothing is granted.
 */
export class LockRequest {
  readonly #engine: Engine;
  readonly #session: Session;
  readonly #entries: LockEntries;
  readonly #mode: LockMode;
  readonly #key: string;

  /** `id` is unique in the session. */
  constructor(engine: Engine, session: Session, entries: LockEntries, mode: LockMode, id: number) {
    this.#engine = engine;
    this.#session = session;
    this.#entries = entries;
    this.#mode = mode;
    this.#key = entries.key(mode, `${session.id}-${id}`);
  }

  /** Takes the lock if nothing is in the way, in one commit. Otherwise `undefined`, and there is no entry. */
  async takeFree(deadline: Deadline): Promise<Grant | undefined> {
    const checks = [{ empty: this.#mode === "exclusive" ? this.#entries.whole : this.#entries.beforeShared }];
    const mutations = [this.#set(true)];
    if (this.#mode === "exclusive") mutations.push(this.#entries.setMark(this.#key));
    for (;;) {
      try {
        const { ok, version } = await this.#engine.commit({ checks, mutations }, deadline.commit);
        return ok ? { key: this.#key, version, token: version, ownerDied: false } : undefined;
      } catch (error) {
        if (!isOutcomeUnknown(error)) throw error;
        const own = await this.#engine.get(this.#key, "system");
        if (own) return { key: this.#key, version: own.version, token: own.version, ownerDied: false };
      }
    }
  }

  /** Takes the lock if it is free, although its last holder may have died. Otherwise `undefined`, and there is no entry. */
  async takeIfAvailable(deadline: Deadline): Promise<Grant | undefined> {
    const free = await this.takeFree(deadline);
    if (free) return free;
    const { reads } = await this.#engine.commit({ reads: this.#frontReads }, deadline.commit);
    const { own, exclusive, shared, force } = frontOf({ reads, version: 0 });
    if (!own && (force || exclusive || (shared && this.#mode === "exclusive"))) return undefined;
    const { front } = await this.#enter(deadline);
    const grant = front.own && this.#isTurn(front.own, front) ? await this.#accept(front.own, front) : undefined;
    if (!grant) await this.leave();
    return grant;
  }

  /**
   * Takes a place at the end of the queue, calls `entered`, and waits for its turn. Throws what the deadline or the session
   * ends with; the place is given up by `leave()`.
   */
  async takeTurn(deadline: Deadline, entered: () => void): Promise<Grant> {
    let { front, before } = await this.#enter(deadline);
    entered();
    const signals = [deadline.signal, this.#session.signal];
    return retryTransient(signals, async () => {
      for (;;) {
        const { own, force, version } = front;
        if (!own) throw this.#loss();
        if (this.#isTurn(own, front)) {
          const grant = await this.#accept(own, front);
          if (grant) return grant;
        } else {
          if (!before && !force) before = await this.#predecessor(own);
          const awaited = before?.key ?? (force && this.#entries.force);
          if (awaited) await untilChanged(this.#engine, [{ space: "system", key: awaited }], version, signals);
        }
        const reads = before ? [...this.#frontReads, { space: "system", key: before.key } as const] : this.#frontReads;
        const result = await this.#engine.commit({ reads });
        front = frontOf(result);
        before = result.reads[FRONT]?.[0];
      }
    });
  }

  /** Gives the place up, and what was granted without an answer. */
  leave(): Promise<void> {
    return deleteUntilGone(this.#session, () => this.#deleteUntilGone());
  }

  /** Gives the place up without holding up for long a caller who no longer waits. */
  async abandon(): Promise<void> {
    if (this.#session.signal.aborted) return;
    try {
      await this.#deleteUntilGone(LEAVE_TIMEOUT);
    } catch {
      // What cannot be deleted ends with the session.
      this.leave().catch(() => {});
    }
  }

  async #deleteUntilGone(timeout?: number): Promise<void> {
    const options = timeout === undefined ? {} : { timeout };
    const deletion = { type: "delete", space: "system", key: this.#key } as const;
    for (;;) {
      const { mark } = this.#entries;
      const { reads } = await this.#engine.commit({ reads: [{ space: "system", key: mark }] }, options);
      const found = reads[0]![0];
      const isOwn = found?.value === this.#key;
      const checks = isOwn ? [checkEntry(mark, found)] : [];
      const mutations = isOwn ? [deletion, this.#entries.deleteMark] : [deletion];
      if ((await this.#engine.commit({ checks, mutations }, options)).ok) return;
    }
  }

  /** Sets the own entry, and reads the front and who is before it. */
  async #enter(deadline: Deadline): Promise<{ front: Front; before: Entry | undefined }> {
    const { exclusive, shared } = this.#entries;
    const reads: RangeRead[] = [...this.#frontReads, { ...exclusive, order: "created", reverse: true, limit: 2 }];
    if (this.#mode === "exclusive") reads.push({ ...shared, order: "created", reverse: true, limit: 1 });
    const mutations = [this.#set(false)];
    for (;;) {
      let result: CommitResult;
      try {
        result = await this.#engine.commit(
          { checks: [checkEntry(this.#key, undefined)], mutations, reads },
          deadline.commit,
        );
      } catch (error) {
        // If it was made, the next try finds the entry there.
        if (isOutcomeUnknown(error)) continue;
        throw error;
      }
      const front = frontOf(result);
      // Of a try whose answer was lost the newest entries may be younger: it is looked up when it is needed.
      return { front, before: result.ok ? lastBefore(front.own!, result.reads.slice(FRONT).flat()) : undefined };
    }
  }

  async #predecessor(own: Entry): Promise<Entry | undefined> {
    const { exclusive, whole } = this.#entries;
    const { entries } = await this.#engine.list(this.#mode === "exclusive" ? whole : exclusive);
    return lastBefore(
      own,
      entries.filter(({ key }) => this.#entries.isRequest(key)),
    );
  }

  #isTurn(own: Entry, { force, exclusive, shared }: Front): boolean {
    if (force) return false;
    if (this.#mode === "shared") return !exclusive || exclusive.createdVersion > own.createdVersion;
    return exclusive?.key === own.key && (!shared || shared.createdVersion > own.createdVersion);
  }

  /** Writes the grant down. `undefined`: things have changed in between. */
  async #accept(own: Entry, { mark }: Front): Promise<Grant | undefined> {
    const { force, mark: markKey } = this.#entries;
    // By an earlier try whose answer was lost.
    if (mark?.value === this.#key)
      return { key: this.#key, version: own.version, token: mark.version, ownerDied: false };
    const isExclusive = this.#mode === "exclusive";
    // An exclusive request's entry stays as it is, so as not to wake the one that watches it.
    const mutations = [isExclusive ? this.#entries.setMark(this.#key) : this.#set(true)];
    const checks = [checkEntry(this.#key, own), checkEntry(force, undefined), checkEntry(markKey, mark)];
    const { ok, version: token } = await this.#engine.commit({ checks, mutations });
    if (!ok) return undefined;
    return { key: this.#key, version: isExclusive ? own.version : token, token, ownerDied: mark !== undefined };
  }

  get #frontReads(): RangeRead[] {
    const { exclusive, shared, force, mark } = this.#entries;
    return [
      { space: "system", key: this.#key },
      { ...exclusive, order: "created", limit: 1 },
      { ...shared, order: "created", limit: 1 },
      { space: "system", key: force },
      { space: "system", key: mark },
    ];
  }

  #set(granted: boolean): Mutation {
    return this.#entries.set(this.#key, this.#mode, this.#session.id, granted);
  }

  /** Why the own entry is gone. */
  #loss(): unknown {
    if (this.#session.signal.aborted) return this.#session.signal.reason;
    return new StoreError("ERR_STORE_SESSION_LOST", "The place in the lock's queue was lost together with its session");
  }
}

/** What decides whose turn it is, as read at one revision. */
interface Front {
  readonly version: number;
  readonly own: Entry | undefined;
  /** The eldest. */
  readonly exclusive: Entry | undefined;
  /** The eldest. */
  readonly shared: Entry | undefined;
  readonly force: Entry | undefined;
  readonly mark: Entry | undefined;
}

/** How many reads the front takes. */
const FRONT = 5;

function frontOf({ reads, version }: Pick<CommitResult, "reads" | "version">): Front {
  const [own, exclusive, shared, force, mark] = reads.map((entries) => entries[0]);
  return { version, own, exclusive, shared, force, mark };
}

function lastBefore(own: Entry, entries: readonly Entry[]): Entry | undefined {
  let last: Entry | undefined;
  for (const entry of entries) {
    if (entry.createdVersion < own.createdVersion && (!last || entry.createdVersion > last.createdVersion))
      last = entry;
  }
  return last;
}
