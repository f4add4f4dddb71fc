import * as fs from "node:fs";
import type { Connection } from "../database/connection.ts";
import { doorbellFile, isSessionId } from "../sessions/session-files.ts";
import { type WrittenKey, watchersOf } from "../sessions/session-rows.ts";

/**
 * Wakes those who watch any of the keys, and nobody else: touches the doorbell file of each session that does, which
 * its owner watches. Called after the commit, so that a woken process sees it. Returns whether `own` is one of them,
 * whose doorbell is left alone. Throws nothing: the commit stands, and a process that was not notified polls for changes.
 */
export function notifyWatchers(
  storePath: string,
  connection: Connection,
  keys: readonly WrittenKey[],
  own?: string,
): boolean {
  let sessions: Set<string>;
  try {
    sessions = watchersOf(connection, keys);
  } catch {
    return own !== undefined;
  }
  const isOwn = own !== undefined && sessions.delete(own);
  // A row may name anybody's file.
  for (const session of sessions) if (isSessionId(session)) touch(doorbellFile(storePath, session));
  return isOwn;
}

function touch(file: string): void {
  const now = Date.now() / 1000;
  try {
    fs.lutimesSync(file, now, now);
  } catch (error) {
    // The bell of another member of the group: setting a time needs ownership, writing does not.
    if ((error as NodeJS.ErrnoException).code === "EPERM") write(file);
    // Otherwise the session ended meanwhile, or its file was cleaned away: its owner polls for changes.
  }
}

function write(file: string): void {
  try {
    const descriptor = fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
    try {
      fs.writeSync(descriptor, "\n", 0);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    // Likewise, or the store is not the group's.
  }
}
