import type { Connection } from "./connection.ts";

/*
 * The rows of sessions and of what they watch. Every function here runs inside a transaction of the caller's.
 */

export interface WrittenKey {
  readonly key: string;
  readonly system: 0 | 1;
}

export interface SessionRow {
  readonly id: string;
  readonly pid: number;
  /** Path of the socket whose closing tells that the owner ended. */
  readonly socket: string;
  /** When it began, in milliseconds since the epoch. */
  readonly since: number;
}

/** What a session watches: one key (`past` is left out), or the keys from `first` up to `past` (`null`: without end). */
export interface Interest {
  readonly system: 0 | 1;
  readonly first: string;
  readonly past?: string | null;
}

export function addSession({ db }: Connection, row: SessionRow): void {
  db.prepare("INSERT INTO ipctools_session VALUES (?, ?, ?, ?)").run(row.id, row.pid, row.socket, row.since);
}

export function hasSession({ db }: Connection, id: string): boolean {
  return db.prepare("SELECT 1 FROM ipctools_session WHERE id = ?").get(id) !== undefined;
}

export function findSession({ db }: Connection, id: string): SessionRow | undefined {
  return db.prepare("SELECT * FROM ipctools_session WHERE id = ?").get(id) as SessionRow | undefined;
}

export function listSessions({ db }: Connection): SessionRow[] {
  return db.prepare("SELECT * FROM ipctools_session").all() as unknown as SessionRow[];
}

/** Deletes the session with everything that is bound to it. Returns the keys of the entries that went. */
export function clearSession(connection: Connection, id: string): WrittenKey[] {
  const { db } = connection;
  const gone: WrittenKey[] = [];
  for (const table of connection.tables())
    for (const key of table.deleteOf(id)) gone.push({ key, system: table.system });
  const watched = Number(db.prepare("DELETE FROM ipctools_key_watcher WHERE session = ?").run(id).changes);
  const ranges = Number(db.prepare("DELETE FROM ipctools_range_watcher WHERE session = ?").run(id).changes);
  countWatchers(connection, -watched - ranges);
  db.prepare("DELETE FROM ipctools_session WHERE id = ?").run(id);
  return gone;
}

/** Changes what a session watches. */
export function changeInterests(
  connection: Connection,
  session: string,
  added: readonly Interest[],
  removed: readonly Interest[],
): void {
  const { db } = connection;
  let count = 0;
  const addKey = db.prepare("INSERT OR IGNORE INTO ipctools_key_watcher VALUES (?, ?, ?)");
  const addRange = db.prepare("INSERT INTO ipctools_range_watcher VALUES (?, ?, ?, ?)");
  const removeKey = db.prepare("DELETE FROM ipctools_key_watcher WHERE system = ? AND key = ? AND session = ?");
  const removeRange = db.prepare(
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

function countWatchers({ db }: Connection, change: number): void {
  if (change !== 0) db.prepare("UPDATE ipctools_revision SET watchers = watchers + ?").run(change);
}

/** The sessions that watch any of the keys. */
export function watchersOf({ db }: Connection, keys: readonly WrittenKey[]): Set<string> {
  const find = db.prepare(
    `SELECT session FROM ipctools_key_watcher WHERE system = :system AND key = :key
     UNION SELECT session FROM ipctools_range_watcher
       WHERE system = :system AND first <= :key AND (past IS NULL OR past > :key)`,
  );
  const sessions = new Set<string>();
  for (const { system, key } of keys)
    for (const row of find.all({ system, key })) sessions.add((row as { session: string }).session);
  return sessions;
}
