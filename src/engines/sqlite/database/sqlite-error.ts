import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "../../../errors.ts";
import { fileError, hasNoDescriptors, tooManyFilesError } from "../file/file-error.ts";

/** SQLite's primary result codes, as far as they are told apart. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const PROTOCOL = 15;
const NOTADB = 26;

/** The primary result code of an error that `node:sqlite` threw, or `undefined` if it is no such error. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errcode } = error as { errcode?: number };
  if (typeof errcode === "number") return errcode & 0xff;
  // Deno leaves the number out where opening or locking fails.
  if (error.message.includes("database is locked")) return BUSY;
  if (error.message.includes("unable to open database")) return CANTOPEN;
  return undefined;
}

/** Whether somebody else holds the lock that the statement needs. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

/** Whether the file holds something else than a database, or a damaged one: it could be read then. */
export function isNoDatabase(error: unknown): boolean {
  const code = resultCode(error);
  return code === NOTADB || code === CORRUPT;
}

/** A row holds what this library never writes there. `storeErrorFor` adds the store's path. */
export class MalformedRow extends Error {
  constructor(what: string) {
    super(`${what} is of a wrong kind`);
    this.name = "MalformedRow";
  }
}

/** The `StoreError` for what SQLite threw about the file at `path`; any other error as it is. */
export function storeErrorFor(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error;
  if (error instanceof MalformedRow) return damagedError(path, error.message);
  const options = { cause: error };
  switch (resultCode(error)) {
    case BUSY:
    case LOCKED:
      return busyError(path, 0, options);
    case PROTOCOL:
      // SQLite has waited by itself, for ten seconds or more.
      return new StoreError(
        "ERR_STORE_BUSY",
        `the store ${path} is busy: another program was stopped at the moment at which its write became visible. ` +
          "Continue or kill that program, then call again",
        options,
      );
    case READONLY:
      return new StoreError(
        "ERR_STORE_READ_ONLY",
        `the store ${path} cannot be written: the file or its folder is read-only. Give this user write permission, or set IPCTOOLS_STORE to another path`,
        options,
      );
    case CANTOPEN:
      return cannotOpen(path, options);
    case FULL:
      return new StoreError(
        "ERR_STORE_FULL",
        `no space is left for the store ${path}; nothing of this call was written. Free some space, then call again`,
        options,
      );
    case CORRUPT:
      return damagedError(path, "SQLite finds it malformed", options);
    case NOTADB:
      return notAStore(path, "it is no SQLite database", options);
    case IOERR:
      return new StoreError("ERR_STORE_IO", `reading or writing the store ${path} failed: ${String(error)}`, options);
    case undefined:
      return foreignError(error, path);
    default:
      // No statement of ours fails in another way on a file of ours.
      return damagedError(path, `SQLite says: ${(error as Error).message}`, options);
  }
}

/** What is neither SQLite's nor ours: the file system's errors, and numbers in the file that JavaScript cannot hold. */
function foreignError(error: unknown, path: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return fileError(error, path);
  if (code === "ERR_OUT_OF_RANGE" && error instanceof RangeError && /too large to be represented/.test(error.message))
    return damagedError(path, "a number in it is no safe integer", { cause: error });
  return error;
}

export function damagedError(path: string, why: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    "ERR_STORE_DAMAGED",
    `The store ${path} is damaged: ${why}. Stop the programs that use it, keep a copy, then rescue what is left: ` +
      `sqlite3 ${path} .recover`,
    options,
  );
}

function cannotOpen(path: string, options: ErrorOptions): StoreError {
  if (hasNoDescriptors()) return tooManyFilesError(path, options);
  if (!existsSync(dirname(path)))
    return new StoreError(
      "ERR_STORE_IO",
      `the store ${path} cannot be opened: its folder does not exist. Create ${dirname(path)}, or set IPCTOOLS_STORE to another path`,
      options,
    );
  return new StoreError(
    "ERR_STORE_PERMISSION",
    `the store ${path} cannot be opened: this user may not read and write it and create files beside it (${path}-wal, ${path}-shm). ` +
      "Mend the permissions of the file and its folder, or set IPCTOOLS_STORE to another path",
    options,
  );
}

export function notAStore(path: string, why: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    "ERR_STORE_NOT_A_STORE",
    `the file ${path} is not a store: ${why}. It was left as it is; set IPCTOOLS_STORE to another path, or move the file away`,
    options,
  );
}

export function busyError(path: string, waited: number, options?: ErrorOptions): StoreError {
  return new StoreError(
    "ERR_STORE_BUSY",
    `the store ${path} is busy: another program is writing and did not finish within ${Math.round(waited)} ms. ` +
      "Call again, or give a longer timeout",
    options,
  );
}
