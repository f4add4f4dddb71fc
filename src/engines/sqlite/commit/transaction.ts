import type { Check, Commit, CommitResult, Mutation } from "../../../engine/contract.ts";
import type { Entry, Space } from "../../../engine/entry.ts";
import type { RangeRead } from "../../../engine/range.ts";
import { sessionEndedError } from "../../../engine/standard-errors.ts";
import type { Connection } from "../database/connection.ts";
import type { EntryState, Table, Written } from "../database/table.ts";
import { clearSession, hasSession, type WrittenKey } from "../sessions/session-rows.ts";
import { guardedWrite } from "./guarded-write.ts";

export interface Committed extends CommitResult {
  /** The written keys that somebody watches. */
  readonly watched: readonly WrittenKey[];
  /** The sessions that were found dead and cleared away: their files can go. */
  readonly ended: readonly string[];
}

/** Tells whether the owner of a session lives. */
export type IsAlive = (session: string, connection: Connection) => boolean;

const NONE: readonly never[] = [];

/**
 * Makes the commit, or throws SQLite's busy error at once with nothing done. `own`: a session of one's own, if there is one.
 */
export function attemptCommit(connection: Connection, commit: Commit, isAlive: IsAlive, own?: string): Committed {
  const { checks = NONE, mutations = NONE, reads = NONE } = commit;
  const [only] = mutations;
  if (only?.type === "set" && mutations.length === 1 && reads.length === 0 && isPlain(only)) {
    if (isCreate(only, checks)) {
      // One that comes too late need not take the lock on writing.
      const seen = lookFirst(connection, only, checks, isAlive);
      if (seen !== undefined) return seen;
    }
    const written = inOneStatement(connection, only, checks);
    if (written !== undefined)
      return {
        ok: true,
        version: written[0],
        reads: NONE,
        watched: written[1] === 1 ? [{ key: only.key, system: systemOf(only.space) }] : NONE,
        ended: NONE,
      };
  }
  if (reads.length === 0) {
    const written = guardedWrite(connection, checks, mutations, own);
    if (written !== undefined) {
      const watched = written.isWatched ? mutations.map(({ key, space }) => ({ key, system: systemOf(space) })) : NONE;
      return { ok: true, version: written.version, reads: NONE, watched, ended: NONE };
    }
  }
  const transaction = new Transaction(connection, isAlive, mutations.length > 0);
  const body = () => transaction.run(checks, mutations, reads);
  return mutations.length > 0 ? connection.write(body) : connection.read(body);
}

/** A set, or a create, of an entry that is bound to nothing; `undefined` if it takes more than a statement to decide. */
function inOneStatement(
  connection: Connection,
  set: Mutation & { type: "set" },
  checks: readonly Check[],
): Written | undefined {
  const table = connection.table(set.space)!;
  if (checks.length === 0) return table.put(set.key, set.value);
  return isCreate(set, checks) ? table.insert(set.key, set.value) : undefined;
}

function isCreate({ key, space }: Mutation, checks: readonly Check[]): boolean {
  const [check] = checks;
  if (checks.length !== 1 || check === undefined || "empty" in check) return false;
  return check.version === 0 && check.key === key && check.space === space;
}

/** The answer to a create that fails as things are; `undefined` if it may succeed. */
function lookFirst(
  connection: Connection,
  { key, space }: Mutation,
  checks: readonly Check[],
  isAlive: IsAlive,
): Committed | undefined {
  const state = connection.table(space)!.stateAndVersion(key);
  if (state === undefined) return undefined;
  if (state.session === undefined && state.expiresAt === undefined)
    return { ok: false, version: state.storeVersion, reads: NONE, watched: NONE, ended: NONE };
  const seen = connection.read(() => new Transaction(connection, isAlive, false).run(checks, NONE, NONE));
  return seen.ok ? undefined : seen;
}

function systemOf(space: Space | undefined): 0 | 1 {
  return space === undefined ? 0 : 1;
}

function isPlain(mutation: Mutation & { type: "set" }): boolean {
  return mutation.session === undefined && mutation.ttl === undefined;
}

/** One transaction at work. What it meets of ended sessions and of times that ran out is cleared away in passing. */
class Transaction {
  readonly #connection: Connection;
  readonly #isAlive: IsAlive;
  readonly #writes: boolean;
  readonly #now = Date.now();
  readonly #watched: WrittenKey[] = [];
  readonly #ended: string[] = [];
  readonly #known = new Map<string, boolean>();

  constructor(connection: Connection, isAlive: IsAlive, writes: boolean) {
    this.#connection = connection;
    this.#isAlive = isAlive;
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
    // Deletes first: each counts the version up, and what is set has the last of them.
    for (const { type, key, space } of mutations) {
      if (type !== "delete") continue;
      const table = this.#connection.table(space)!;
      this.#state(table, key);
      if (table.delete(key)) this.#watched.push({ key, system: table.system });
    }
    const sets = mutations.filter((mutation) => mutation.type === "set");
    const bound = sets.map(({ key, space }) => this.#state(this.#connection.table(space)!, key));
    if (bound.length === 0) return;
    const version = this.#connection.version() + 1;
    for (const { key, space, value, session, ttl } of sets) {
      if (session !== undefined && !hasSession(this.#connection, session)) throw sessionEndedError(session);
      const table = this.#connection.table(space)!;
      const expiresAt = ttl === undefined ? undefined : Math.ceil(this.#now + ttl);
      if (table.set(key, value, version, session, expiresAt)) this.#watched.push({ key, system: table.system });
    }
  }

  /** What is at the key, once what has ended there is gone. */
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
      alive = this.#isAlive(session, this.#connection);
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
