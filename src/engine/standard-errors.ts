import { StoreError } from "../errors.ts";

/*
 * The errors that every engine throws, with one wording each. `store` is what people know the store by: a path, or a URL
 * without passwords.
 */

/** What can be closed by its owner. */
export type Closable = "store" | "namespace" | "session" | "channel";

/** `ERR_STORE_CLOSED`: the owner closed it. */
export function closedError(what: Closable, name?: string): StoreError {
  const named = name === undefined ? what : `${what} ${JSON.stringify(name)}`;
  return new StoreError("ERR_STORE_CLOSED", `Cannot use the ${named}: the ${what} is closed. Open the ${what} again`);
}

/** `ERR_STORE_NOT_INITIALIZED`: the store was read before any value was set in it. */
export function notInitializedError(store: string): StoreError {
  return new StoreError(
    "ERR_STORE_NOT_INITIALIZED",
    `Cannot read the store ${JSON.stringify(store)}: no value was ever set. Set a value first, or check IPCTOOLS_STORE`,
  );
}

/** `ERR_STORE_SESSION_LOST`: the session ended without its owner's doing. `why` is a clause, such as "the lease expired". */
export function sessionLostError(id: string, why: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    "ERR_STORE_SESSION_LOST",
    `The session "${id}" was lost: ${why}. Entries bound to the session are deleted, and other sessions may acquire the ` +
      "locks that it held. Open another session",
    options,
  );
}

/** `ERR_STORE_SESSION_LOST`: a commit binds entries to a session that has ended. Nothing was written. */
export function sessionEndedError(id: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    "ERR_STORE_SESSION_LOST",
    `Cannot bind an entry to the session "${id}": the session has ended. Nothing was written. Open another session`,
    options,
  );
}

/** `ERR_STORE_HISTORY_LOST`: the changes after version `from` are not kept, or the store never reached it. */
export function historyLostError(from: number, newest: number | undefined, options?: ErrorOptions): StoreError {
  const state =
    newest !== undefined && newest < from
      ? `the store is at version ${newest} and never reached it`
      : `the changes after it are no longer kept${newest === undefined ? "" : ` (the store is at version ${newest})`}`;
  return new StoreError(
    "ERR_STORE_HISTORY_LOST",
    `Cannot watch from version ${from}: ${state}. List the range, then watch from the version of the listing`,
    options,
  );
}

/** `ERR_STORE_NEWER_FORMAT`: another version of the package made the store. */
export function newerFormatError(store: string, found: string | number, known: string | number): StoreError {
  return new StoreError(
    "ERR_STORE_NEWER_FORMAT",
    `Cannot use the store ${JSON.stringify(store)}: its format is ${found}, and this version of ipctools knows the formats ` +
      `up to ${known}. Update ipctools in this program, or set IPCTOOLS_STORE to another store`,
  );
}

/** `ERR_STORE_UNAVAILABLE`: the server did not answer a call that was not sent, or that only reads. Nothing was written. */
export function unavailableError(store: string, waited: number, why: string | undefined, cause?: unknown): StoreError {
  const reason = why === undefined ? "" : ` (${why})`;
  return new StoreError(
    "ERR_STORE_UNAVAILABLE",
    `Cannot reach ${store}: no answer within ${Math.round(waited)} ms${reason}. Nothing was written. Check that the server ` +
      "runs and can be reached, then call again",
    { cause },
  );
}

/** `ERR_STORE_OUTCOME_UNKNOWN`: the server did not answer a commit that was sent. */
export function outcomeUnknownError(store: string, why: string, cause?: unknown): StoreError {
  return new StoreError(
    "ERR_STORE_OUTCOME_UNKNOWN",
    `The commit was sent to ${store}, and no answer came (${why}). The write may have been applied. Read the keys before ` +
      "you repeat it",
    { cause },
  );
}

/** `ERR_STORE_CLIENT_MISSING`: an optional package is not installed. */
export function clientMissingError(scheme: string, packages: readonly string[], cause: unknown): StoreError {
  return new StoreError(
    "ERR_STORE_CLIENT_MISSING",
    `Cannot open the ${scheme} store: a package is missing. Install it: npm install ${packages.join(" ")}`,
    { cause },
  );
}

/** `ERR_STORE_UNSUPPORTED`: only a whole store file can be backed up. */
export function backupUnsupportedError(engine: string): StoreError {
  return new StoreError(
    "ERR_STORE_UNSUPPORTED",
    `Cannot back up this store: only a whole store file can be, and its engine is ${engine}. Copy it: ipctools copy FROM TO`,
  );
}
