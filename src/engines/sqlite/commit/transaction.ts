import type { Check, Commit, CommitResult, Mutation } from "../../../engine/contract.ts";
import type { Entry } from "../../../engine/entry.ts";
import { compareKeys, type RangeRead } from "../../../engine/range.ts";
import { sessionEndedError } from "../../../engine/standard-errors.ts";
import type { Connection } from "../database/connection.ts";
import type { EntryState, Table } from "../database/table.ts";
import { clearSession, hasSession, type WrittenKey } from "../sessions/session-rows.ts";

export interface Committed extends CommitResult {
  /** The written keys that somebody watches. */
  readonly watched: readonly WrittenKey[];
  /** The sessions that were found dead and cleared away: their files can go. */
  readonly ended: readonly string[];
}

/** What a commit has to know of the owners of sessions. */
export interface Owners {
  /** Whether the session's owner is alive. */
  isAlive(session: string, connection: Connection): boolean;
  /** A session of this process, if there is one: its owner is alive without a look. */
  readonly own?: string | undefined;
}

/** Makes the commit in a transaction of several statements, or throws SQLite's busy error at once with nothing done. */
export function transact(connection: Connection, commit: Commit, owners: Owners): Committed {
  const { checks = [], mutations = [], reads = [] } = commit;
  const transaction = new Transaction(connection, owners, mutations.length > 0);
  const body = () => transaction.run(checks, mutations, reads);
  return mutations.length > 0 ? connection.write(body) : connection.read(body);
}

/** One transaction at work. What it meets of ended sessions and of times that ran out is cleared away in passing. */
class Transaction {
  readonly #connection: Connection;
  readonly #owners: Owners;
  readonly #writes: boolean;
  readonly #now = Date.now();
  readonly #watched: WrittenKey[] = [];
  readonly #ended: string[] = [];
  readonly #known = new Map<string, boolean>();

  constructor(connection: Connection, owners: Owners, writes: boolean) {
    this.#connection = connection;
    this.#owners = owners;
    this.#writes = writes;
  }

  run(checks: readonly Check[], mutations: readonly Mutation[], reads: readonly RangeRead[]): Committed {
    const ok = checks.every((check) => this.#holds(check));
    if (ok) this.#make(mutations);
    // Taken before the reads, because clearing an ended entry that a read meets is a later change than the sets; otherwise
    // the commit's version would not be that of its entries.
    const version = this.#connection.version();
    const entries = reads.map((read) => this.#read(read));
    return { ok, version, reads: entries, watched: this.#watched, ended: this.#ended };
  }

  #holds(check: Check): boolean {
    if ("empty" in check) return this.#read({ ...check.empty, limit: 1 }).length === 0;
    const table = this.#connection.table(check.space);
    return (table === undefined ? 0 : this.#state(table, check.key).version) === check.version;
  }

  #make(mutations: readonly Mutation[]): void {
    // Deletes first: each adds one to the version, and the sets have the last one. They go in the order of keys, as one
    // statement deletes them, so that the change log does not depend on the way of the commit.
    const deletes = mutations.filter((mutation) => mutation.type === "delete");
    for (const { key, space } of deletes.sort((a, b) => compareKeys(a.key, b.key))) {
      const table = this.#connection.table(space)!;
      if (table.delete(key)) this.#watched.push({ key, system: table.system });
    }
    const sets = mutations.filter((mutation) => mutation.type === "set");
    if (sets.length === 0) return;
    // An ended entry is cleared away, so that the set creates another one.
    for (const { key, space } of sets) this.#state(this.#connection.table(space)!, key);
    const version = this.#connection.version() + 1;
    for (const { key, space, value, session, ttl } of sets) {
      if (session !== undefined && !hasSession(this.#connection, session)) throw sessionEndedError(session);
      const table = this.#connection.table(space)!;
      const expiresAt = ttl === undefined ? undefined : Math.ceil(this.#now + ttl);
      if (table.set(key, value, version, session, expiresAt)) this.#watched.push({ key, system: table.system });
    }
  }

  /** The state of the entry at the key, after an entry there that has ended is cleared away. */
  #state(table: Table, key: string): EntryState {
    const state = table.state(key);
    if (!this.#hasEnded(state)) return state;
    this.#clear(table, key, state);
    return { version: 0 };
  }

  #read(read: RangeRead): Entry[] {
    const table = this.#connection.table(read.space);
    if (table === undefined) return [];
    for (;;) {
      const entries = table.list(read);
      const ended = entries.filter((entry) => this.#hasEnded(entry));
      if (ended.length === 0) return entries;
      if (!this.#writes) return this.#readAround(table, read);
      for (const entry of ended) this.#clear(table, entry.key, entry);
    }
  }

  /** Without writing nothing can be cleared away: what has ended is left out, also of what the limit counts. */
  #readAround(table: Table, read: RangeRead): Entry[] {
    const { limit, ...unlimited } = read;
    return table
      .list(unlimited)
      .filter((entry) => !this.#hasEnded(entry))
      .slice(0, limit);
  }

  #hasEnded({ session, expiresAt }: Pick<EntryState, "session" | "expiresAt">): boolean {
    if (expiresAt !== undefined && expiresAt <= this.#now) return true;
    if (session === undefined) return false;
    let alive = this.#known.get(session);
    if (alive === undefined) {
      alive = this.#owners.isAlive(session, this.#connection);
      this.#known.set(session, alive);
    }
    return !alive;
  }

  #clear(table: Table, key: string, { session }: Pick<EntryState, "session">): void {
    if (!this.#writes) return;
    if (session !== undefined && this.#known.get(session) === false && !this.#ended.includes(session)) {
      this.#watched.push(...clearSession(this.#connection, session));
      this.#ended.push(session);
    }
    if (table.delete(key)) this.#watched.push({ key, system: table.system });
  }
}
