import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../../../errors.ts";
import { fileError } from "../file/file-error.ts";
import { makeFolder } from "../file/path-safety.ts";
import { checkSessionFolder, sessionFolder } from "../file/session-folder.ts";
import { createShared, type Sharing, share, sharingOf } from "../file/sharing.ts";
import { takeLock } from "./liveness.ts";
import { ownProcess } from "./process-identity.ts";
import {
  doorbellFile,
  listenOn,
  lockFile,
  removeSessionFiles,
  type SessionListener,
  socketName,
} from "./session-files.ts";
import type { SessionRow } from "./session-rows.ts";

/**
 * What shows that an owner lives, and wakes it: a lock file whose kernel lock is the truth, a socket whose closing brings
 * the news at once, and a doorbell file that writers touch. All three have the session's id as their name; nobody else
 * ever has the same. None of them keeps the process alive.
 */
export class Presence {
  readonly row: SessionRow;
  readonly #storePath: string;
  readonly #lock: DatabaseSync;
  readonly #listener: SessionListener | undefined;
  readonly #doorbell: fs.FSWatcher | undefined;
  #isClosed = false;

  static async open(storePath: string, notified: () => void): Promise<Presence> {
    const sharing = sharingOf(storePath);
    prepareFolder(storePath, sharing);
    const id = crypto.randomBytes(8).toString("hex");
    const bell = doorbellFile(storePath, id);
    let lock: DatabaseSync | undefined;
    let doorbell: fs.FSWatcher | undefined;
    let listener: SessionListener | undefined;
    try {
      // The bell comes first: a file without one counts as a leftover.
      createShared(bell, sharing);
      createShared(lockFile(storePath, id), sharing);
      lock = takeLock(lockFile(storePath, id));
      doorbell = watchBell(bell, notified);
      listener = await listenOn(storePath, id);
      if (listener !== undefined) share(path.join(sessionFolder(storePath), socketName(id)), sharing);
      return new Presence(storePath, id, lock, doorbell, listener);
    } catch (error) {
      listener?.close();
      doorbell?.close();
      lock?.close();
      removeSessionFiles(storePath, id);
      throw error instanceof StoreError ? error : fileError(error, sessionFolder(storePath));
    }
  }

  private constructor(
    storePath: string,
    id: string,
    lock: DatabaseSync,
    doorbell: fs.FSWatcher | undefined,
    listener: SessionListener | undefined,
  ) {
    this.#storePath = storePath;
    this.#lock = lock;
    this.#doorbell = doorbell;
    this.#listener = listener;
    this.row = { id, ...ownProcess(), since: Date.now() };
  }

  get id(): string {
    return this.row.id;
  }

  /** Lets go of everything and removes the files. The row and what is bound to it must be gone from the store before. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#doorbell?.close();
    this.#lock.close();
    this.#listener?.close();
    removeSessionFiles(this.#storePath, this.id);
  }
}

/** The folder beside the store: for its user alone, or for the group too where the store's file is. */
function prepareFolder(storePath: string, sharing: Sharing | undefined): void {
  const folder = sessionFolder(storePath);
  if (makeFolder(folder)) share(folder, sharing);
  // Somebody else may have made it.
  checkSessionFolder(storePath, fs.statSync(storePath, { throwIfNoEntry: false }));
  const stat = fs.lstatSync(folder);
  if (!stat.isDirectory())
    throw new StoreError(
      "ERR_STORE_UNSAFE",
      `${folder} must be a folder, for the files of the programs that use the store: remove it, or set IPCTOOLS_STORE to another path`,
    );
}

/**
 * Watches the doorbell. `undefined` where the system watches no further file (each user has so many inotify instances): the
 * doorbell is a hint, and an engine that watches looks by itself, too.
 */
function watchBell(bell: string, notified: () => void): fs.FSWatcher | undefined {
  // Deno takes no notice of `persistent`, and after each event it waits for the next one with a new reference.
  const isForgetful = "Deno" in globalThis;
  let doorbell: fs.FSWatcher;
  try {
    doorbell = fs.watch(bell, { persistent: false }, () => {
      if (isForgetful) setImmediate(() => doorbell.unref());
      notified();
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EMFILE" || code === "ENFILE" || code === "ENOSPC") return undefined;
    throw error;
  }
  if (isForgetful) doorbell.unref();
  doorbell.on("error", notified);
  return doorbell;
}
