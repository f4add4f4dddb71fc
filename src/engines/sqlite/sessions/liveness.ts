import * as fs from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { sqlite } from "../database/runtime.ts";
import { isBusy, isNoDatabase } from "../database/sqlite-error.ts";
import { isListening, stateOfProcess } from "./process-identity.ts";
import { connectTo, isSessionId, lockFile, socketName } from "./session-files.ts";
import type { SessionRow } from "./session-rows.ts";

/*
 * Whether the owner of a session lives. Invariant: an owner is alive unless two witnesses say that it is dead, because wrong
 * news of a death lets two owners hold one lock.
 *
 * The first witness is a kernel lock. As long as the session lives, its owner keeps a write transaction open on an empty
 * SQLite file of the session's own beside the store. The kernel drops the lock when the process ends, however it ends, and SQLite
 * when a worker thread does. A blocked, stopped or suspended owner keeps it. But an owner that reads or copies that file
 * itself loses its lock (POSIX locks vanish at any close), and anybody with the right to do so can remove the file.
 *
 * The second witness is the owner's process and its socket: a process that has ended, or one that runs and no longer listens (a
 * worker thread that was terminated). Where neither can be asked (another container), the lock decides.
 *
 * An answer that could not be had (no descriptor free, no permission, no memory) is never news of a death.
 */

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

/** Whether the owner of the session lives, as far as can be told at once. */
export function isOwnerAlive(storePath: string, session: string, findRow: FindRow): boolean {
  const verdict = askWitnesses(storePath, session, findRow);
  return verdict === "alive" || verdict === "likely alive";
}

/** The same for callers that can wait for the owner's socket, which settles what the witnesses leave open. */
export async function isOwnerAliveBySocket(storePath: string, session: string, findRow: FindRow): Promise<boolean> {
  const verdict = askWitnesses(storePath, session, findRow);
  if (verdict === "alive" || verdict === "dead") return verdict === "alive";
  const answer = await askSocket(storePath, session);
  return answer === "unknown" ? verdict === "likely alive" : answer === "accepts";
}

/** Reads the session's row, which is rarely needed. */
export type FindRow = () => SessionRow | undefined;

type Verdict = "alive" | "dead" | "likely alive" | "likely dead";

function askWitnesses(storePath: string, session: string, findRow: FindRow): Verdict {
  if (!isSessionId(session)) return "dead";
  const lock = stateOfLock(lockFile(storePath, session));
  if (lock === "held" || lock === "unknown") return "alive";
  const row = findRow();
  // Its row has gone: the session was ended by its owner, or cleared away.
  if (row === undefined) return "dead";
  const state = stateOfProcess(row);
  if (state === "ended") return "dead";
  const listening = isListening(socketName(session), row);
  if (listening !== undefined) return listening ? "alive" : "dead";
  return state === "running" ? "likely alive" : "likely dead";
}

/** Any number may ask at once without standing in each other's way (a shared lock). */
function stateOfLock(file: string): "held" | "free" | "unknown" {
  let db: DatabaseSync;
  try {
    db = new (sqlite().DatabaseSync)(file, { readOnly: true });
  } catch {
    // SQLite does not say why: only a file that is certainly not there has no lock.
    return isAbsent(file) ? "free" : "unknown";
  }
  try {
    db.exec("PRAGMA busy_timeout = 0"); // Deno gives what it opens read-only five seconds, whatever `timeout` says.
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return "free";
  } catch (error) {
    if (isBusy(error)) return "held";
    // It was read, so that nobody keeps it locked, and holds something else.
    if (isNoDatabase(error)) return "free";
    return isAbsent(file) ? "free" : "unknown";
  } finally {
    db.close();
  }
}

function isAbsent(file: string): boolean {
  try {
    return fs.lstatSync(file, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    // A part of its path is a file. Anything else (no permission to look) says nothing.
    return (error as NodeJS.ErrnoException).code === "ENOTDIR";
  }
}

/** Whether the owner's socket accepts a connection, which the kernel answers, also while the owner is stopped or busy. */
function askSocket(storePath: string, session: string): Promise<"accepts" | "refuses" | "unknown"> {
  return new Promise((resolve) => {
    const socket = connectTo(storePath, session);
    if (socket === undefined) return resolve("unknown");
    socket.once("connect", () => {
      socket.destroy();
      resolve("accepts");
    });
    socket.once("error", ({ code }: NodeJS.ErrnoException) => {
      resolve(code === "ECONNREFUSED" || code === "ENOENT" ? "refuses" : "unknown");
    });
  });
}
