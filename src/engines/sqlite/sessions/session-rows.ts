import type { Connection } from "../database/connection.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/*
 * The rows of sessions and of what they watch. Every function here runs inside a transaction of the caller's.
 */

export interface WrittenKey {
  readonly key: string;
  readonly system: 0 | 1;
}

/** A session as it stands in the store: whose it is, and since when (milliseconds since the epoch). */
export interface SessionRow extends ProcessIdentity {
  readonly id: string;
  readonly since: number;
}

/** What a session watches: one key (`past` is left out), or the keys from `first` up to `past` (`null`: without end). */
export interface Interest {
  readonly system: 0 | 1;
  readonly first: string;
  readonly past?: string | null;
}

export function addSession(connection: Connection, { id, pid, started, network, since }: SessionRow): void {
  connection.statement("INSERT INTO ipctools_session VALUES (?, ?, ?, ?, ?)").run(id, pid, started, network, since);
}

export function hasSession(connection: Connection, id: string): boolean {
  return connection.statement("SELECT 1 FROM ipctools_session WHERE id = ?").get(id) !== undefined;
}

/** As texts, whatever another program, or a damaged page, has put there. */
const SELECT_SESSION = `SELECT ${["id", "started", "network"].map((name) => `coalesce(CAST(${name} AS TEXT), '') AS ${name}`).join(", ")},
  pid, since FROM ipctools_session`;

export function findSession(connection: Connection, id: string): SessionRow | undefined {
  return connection.statement(`${SELECT_SESSION} WHERE id = ?`).get(id) as SessionRow | undefined;
}

export function listSessions(connection: Connection): SessionRow[] {
  return connection.statement(SELECT_SESSION).all() as unknown as SessionRow[];
}

/** Ends the session: nothing can be bound to it from now on, and what was goes. Returns the keys of the entries that went. */
export function endSession(connection: Connection, id: string): WrittenKey[] {
  const gone: WrittenKey[] = [];
  for (const table of connection.tables())
    for (const key of table.deleteOf(id)) gone.push({ key, system: table.system });
  connection.statement("DELETE FROM ipctools_session WHERE id = ?").run(id);
  return gone;
}

/** Ends the session, and what it watches. Returns the keys of the entries that went. */
export function clearSession(connection: Connection, id: string): WrittenKey[] {
  const gone = endSession(connection, id);
  const watched = Number(connection.statement("DELETE FROM ipctools_key_watcher WHERE session = ?").run(id).changes);
  const ranges = Number(connection.statement("DELETE FROM ipctools_range_watcher WHERE session = ?").run(id).changes);
  countWatchers(connection, -watched - ranges);
  return gone;
}

/** Changes what a session watches. */
export function changeInterests(
  connection: Connection,
  session: string,
  added: readonly Interest[],
  removed: readonly Interest[],
): void {
  let count = 0;
  const addKey = connection.statement("INSERT OR IGNORE INTO ipctools_key_watcher VALUES (?, ?, ?)");
  const addRange = connection.statement("INSERT INTO ipctools_range_watcher VALUES (?, ?, ?, ?)");
  const removeKey = connection.statement(
    "DELETE FROM ipctools_key_watcher WHERE system = ? AND key = ? AND session = ?",
  );
  const removeRange = connection.statement(
    `DELETE FROM ipctools_range_watcher WHERE rowid =
     (SELECT rowid FROM ipctools_range_watcher WHERE system = ? AND first = ? AND past IS ? AND session = ? LIMIT 1)`,
  );
  for (const { system, first, past } of added)
    count += Number(
      (past === undefined ? addKey.run(system, first, session) : addRange.run(system, first, past, session)).changes,
    );
  for (const { system, first, past } of removed)
    count -= Number(
      (past === undefined ? removeKey.run(system, first, session) : removeRange.run(system, first, past, session))
        .changes,
    );
  countWatchers(connection, count);
}

function countWatchers(connection: Connection, change: number): void {
  if (change !== 0) connection.statement("UPDATE ipctools_version SET watchers = watchers + ?").run(change);
}

/** The sessions that watch any of the keys. */
export function watchersOf(connection: Connection, keys: readonly WrittenKey[]): Set<string> {
  const find = connection.statement(
    `SELECT session FROM ipctools_key_watcher WHERE system = :system AND key = :key
     UNION SELECT session FROM ipctools_range_watcher
       WHERE system = :system AND first <= :key AND (past IS NULL OR past > :key)`,
  );
  const sessions = new Set<string>();
  for (const { system, key } of keys)
    for (const row of find.all({ system, key })) sessions.add((row as { session: string }).session);
  return sessions;
}
