import * as fs from "node:fs";
import * as path from "node:path";
import { notInitializedError } from "../../engine/standard-errors.ts";
import { invalidType, invalidValue, StoreError } from "../../errors.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { retryBlocking } from "./database/busy-retry.ts";
import { Connection } from "./database/connection.ts";
import { storeErrorFor } from "./database/sqlite-error.ts";
import type { StoreFile } from "./database/store-file.ts";
import { fileError } from "./file/file-error.ts";
import { checkStorePath } from "./file/path-safety.ts";

/** What belongs to programs that run now: a copy has no such programs. */
const FORGET_PROGRAMS = `
DELETE FROM store WHERE session IS NOT NULL;
DELETE FROM ipctools_entry WHERE session IS NOT NULL;
DELETE FROM ipctools_session;
DELETE FROM ipctools_key_watcher;
DELETE FROM ipctools_range_watcher;
UPDATE ipctools_version SET watchers = 0;
`;

/**
 * Writes a copy of the store to a file that does not exist yet: its state at one moment, while other programs go on writing, and
 * without what is bound to sessions. The copy appears under its name when it is complete and flushed to the disk.
 */
export function backUp(file: StoreFile, to: string): void {
  if (typeof to !== "string") throw invalidType("path", "a path", to);
  if (to === "" || to.includes("\0")) throw invalidValue("path", "a path", to);
  const target = path.resolve(to);
  const draft = `${target}.${crypto.randomUUID()}`;
  retryBlocking(
    () => {
      const connection = file.toRead();
      if (connection === undefined) throw notInitializedError(file.path);
      // Nobody else can take the name meanwhile.
      createNew(target);
      try {
        createNew(draft);
        writeCopy(connection, draft);
        fs.renameSync(draft, target);
      } catch (error) {
        for (const suffix of ["", "-wal", "-shm", "-journal"]) fs.rmSync(draft + suffix, { force: true });
        fs.rmSync(target, { force: true });
        throw storeErrorFor(error, target);
      }
    },
    DEFAULT_TIMEOUT,
    file.path,
  );
}

function writeCopy(source: Connection, draft: string): void {
  source.db.prepare("VACUUM INTO ?").run(draft);
  const copy = Connection.toWrite(draft, () => checkStorePath(draft, { networkFilesystem: true }));
  try {
    copy.write(() => copy.db.exec(FORGET_PROGRAMS));
    // VACUUM keeps the format, but not the kind of log.
    copy.db.exec("PRAGMA journal_mode = WAL");
  } finally {
    copy.close();
  }
  const descriptor = fs.openSync(draft, "r+");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function createNew(file: string): void {
  try {
    fs.closeSync(fs.openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, file);
    throw new StoreError(
      "ERR_STORE_IO",
      `Cannot back up to ${file}: it exists. Nothing was written. Name a file that does not exist`,
      { cause: error },
    );
  }
}
