import * as path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { sqlite } from "../database/runtime.ts";
import { isBusy } from "../database/sqlite-error.ts";

/*
 * The truth about a session is a kernel lock: for as long as it lives, its owner keeps a write transaction open on an
 * empty SQLite file of the session's own beside the store. The kernel takes the lock off when the process ends, however
 * it ends, and SQLite when a worker thread does; a blocked, stopped or suspended owner keeps it. No process number is
 * trusted: those are reused, and differ between containers.
 */

/** The folder of the sessions' files, beside the store. */
export function sessionFolder(storePath: string): string {
  return `${storePath}-sessions`;
}

export function lockFile(storePath: string, session: string): string {
  return path.join(sessionFolder(storePath), `${session}.lock`);
}

export function doorbellFile(storePath: string, session: string): string {
  return path.join(sessionFolder(storePath), `${session}.bell`);
}

/** Takes the lock for this process: held until `close()`, or until the process or thread ends. Throws if somebody has it. */
export function takeLock(file: string): DatabaseSync {
  const db = new (sqlite().DatabaseSync)(file, { timeout: 1000 });
  try {
    db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Whether somebody holds the lock. Any number may ask at once without standing in each other's way (a shared lock). */
export function isLockHeld(file: string): boolean {
  let db: DatabaseSync;
  try {
    db = new (sqlite().DatabaseSync)(file, { readOnly: true });
  } catch {
    return false; // There is no such file: its session ended and was cleared away.
  }
  try {
    db.exec("PRAGMA busy_timeout = 0"); // Deno gives what it opens read-only five seconds, whatever `timeout` says.
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    db.close();
  }
}
