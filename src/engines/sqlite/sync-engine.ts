import type { Commit, CommitResult, EngineInfo, Listing, SyncEngine } from "../../engine/contract.ts";
import type { Entry, Space, Value } from "../../engine/entry.ts";
import { checkKey, checkValue, FILE_LIMITS } from "../../engine/limits.ts";
import type { RangeRead } from "../../engine/range.ts";
import { notInitializedError } from "../../engine/standard-errors.ts";
import { checkCommit, checkRange } from "../../engine/validate.ts";
import type { StoreError } from "../../errors.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { backUp } from "./backup.ts";
import { SQLITE_CAPABILITIES } from "./capabilities.ts";
import { attemptCommit } from "./commit/attempt-commit.ts";
import { setUnwatched } from "./commit/short-ways.ts";
import type { Owners } from "./commit/transaction.ts";
import { retryBlocking } from "./database/busy-retry.ts";
import type { Connection } from "./database/connection.ts";
import { sqlite } from "./database/runtime.ts";
import { StoreFile } from "./database/store-file.ts";
import { storeInfo } from "./info.ts";
import { isOwnerAlive } from "./sessions/liveness.ts";
import { removeSessionFiles } from "./sessions/session-files.ts";
import { findSession } from "./sessions/session-rows.ts";
import { notifyWatchers } from "./watch/doorbell.ts";

/** The store file at a path, by blocking calls: the engine of the blocking API. */
export function openSqliteSyncEngine(path: string, options: { networkFilesystem?: boolean } = {}): SyncEngine {
  const file = new StoreFile(path, options);
  const owners: Owners = {
    isAlive: (session, connection) => isOwnerAlive(file.realPath, session, () => findSession(connection, session)),
  };

  function reading<T>(read: (connection: NonNullable<ReturnType<StoreFile["toRead"]>>) => T): T {
    return retryBlocking(
      () => {
        const connection = file.toRead();
        if (connection === undefined) throw notInitialized(path);
        return read(connection);
      },
      DEFAULT_TIMEOUT,
      path,
    );
  }

  function get(key: string, space?: Space): Entry | undefined {
    checkKey(key);
    return reading((connection) => {
      const entry = connection.table(space)?.get(key);
      if (entry === undefined) {
        if (connection.version() === 0) throw notInitialized(path);
        return undefined;
      }
      return hasEnded(entry, owners, connection) ? undefined : entry;
    });
  }

  function commit(commit: Commit, options?: { timeout?: number }): CommitResult {
    checkCommit(commit, FILE_LIMITS);
    return retryBlocking(
      () => {
        const connection = file.toWrite();
        const committed = attemptCommit(connection, commit, owners);
        if (committed.watched.length > 0) notifyWatchers(file.realPath, connection, committed.watched);
        for (const session of committed.ended) removeSessionFiles(file.realPath, session);
        return committed;
      },
      options?.timeout ?? DEFAULT_TIMEOUT,
      path,
    );
  }

  return {
    name: "sqlite",
    capabilities: SQLITE_CAPABILITIES,

    getValue(key: string): Value | undefined {
      checkKey(key);
      try {
        const value = file.toRead()?.values.plainValue(key);
        if (value !== undefined) return value;
      } catch {
        // Busy, or worse: the longer way waits, and says what it is.
      }
      return get(key)?.value;
    },

    get,

    setValue(key: string, value: Value, timeout = DEFAULT_TIMEOUT): void {
      checkKey(key);
      checkValue(value);
      try {
        if (setUnwatched(file.toWrite(), key, value)) return;
      } catch {
        // Busy, or worse: the longer way waits, and says what it is.
      }
      commit({ mutations: [{ type: "set", key, value }] }, { timeout });
    },

    list(range: RangeRead): Listing {
      checkRange(range, FILE_LIMITS);
      return reading((connection) => {
        const { reads, version } = attemptCommit(connection, { reads: [range] }, owners);
        return { entries: reads[0]!, version };
      });
    },

    commit,

    info: (): EngineInfo => storeInfo(file),
    backup: (path: string) => backUp(file, path),

    close: () => file.close(),
    [Symbol.dispose]: () => file.close(),
  };
}

/** Whether an entry's time ran out, or its session's owner is dead: then it is as good as gone. */
export function hasEnded({ session, expiresAt }: Entry, owners: Owners, connection: Connection): boolean {
  return (
    (expiresAt !== undefined && expiresAt <= Date.now()) ||
    (session !== undefined && !owners.isAlive(session, connection))
  );
}

/** The error of a read before any value was set. Throws `ERR_STORE_RUNTIME` where the runtime could never have set a value. */
function notInitialized(path: string): StoreError {
  sqlite();
  return notInitializedError(path);
}
