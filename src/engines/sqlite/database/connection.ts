import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Space } from "../../../engine/entry.ts";
import { FileIdentity, replacedError } from "../file/file-identity.ts";
import { type CheckedPath, checkStorePath } from "../file/path-safety.ts";
import { sqlite } from "./runtime.ts";
import { bringUpToDate, type Format, formatOf } from "./schema.ts";
import { Table } from "./table.ts";

/*
 * How safe a commit is. NORMAL: the file is consistent after a power loss, and what the last moments wrote may be
 * missing (the log is not flushed at each commit: that costs twenty times as much). A commit survives the end of the
 * process, however it comes.
 */
const SYNCHRONOUS = "NORMAL";
/** Pages of the write-ahead log after which a commit carries it over into the file. */
const CHECKPOINT_PAGES = 8000;

const NEWS = `SELECT (SELECT max(rowid) FROM ipctools_change),
  (SELECT min(expires_at) FROM store WHERE expires_at IS NOT NULL),
  (SELECT min(expires_at) FROM ipctools_entry WHERE expires_at IS NOT NULL)`;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** One SQLite connection to a store that exists. Its methods are the transactions' building blocks. */
export class Connection {
  readonly identity: FileIdentity;
  readonly format: Format;
  readonly values: Table;
  readonly db: DatabaseSync;
  readonly #system: Table | undefined;
  readonly #version: StatementSync;
  readonly #forgotten: StatementSync;
  readonly #changes: StatementSync;
  readonly #dataVersion: StatementSync;
  readonly #news: StatementSync;
  readonly #begin: StatementSync;
  readonly #beginImmediate: StatementSync;
  readonly #commit: StatementSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** Opens what is there; `undefined` if nothing was ever set. */
  static toRead(path: string, check = () => checkStorePath(path)): Connection | undefined {
    return Connection.#open(path, check, check(), false);
  }

  /** Opens and, where needed, initializes or upgrades. The file must exist, be it empty. */
  static toWrite(path: string, check = () => checkStorePath(path), checked = check()): Connection {
    return Connection.#open(path, check, checked, true)!;
  }

  /** `checked` is what a look at the path found; `check` looks again when SQLite has opened the file. */
  static #open(
    path: string,
    check: () => CheckedPath,
    { realPath, stat }: CheckedPath,
    write: boolean,
  ): Connection | undefined {
    // SQLite would make it, with a mode as the umask has it.
    if (stat === undefined) throw replacedError(path);
    const db = new (sqlite().DatabaseSync)(realPath);
    try {
      // SQLite follows links itself: one that was put there since would lead it elsewhere.
      const location = (db as { location?: () => string | null }).location?.() ?? realPath;
      if (process.platform !== "win32" && location !== realPath) throw replacedError(path);
      // A file may hold what somebody else wrote: no function with effects runs from its schema, and nothing edits the schema.
      db.exec("PRAGMA trusted_schema = OFF");
      (db as { enableDefensive?: (active: boolean) => void }).enableDefensive?.(true);
      const identity = new FileIdentity(path, check);
      let format = formatOf(db, path);
      if (format !== "empty") identity.watchLog();
      if (write && format !== "current") {
        bringUpToDate(db, path);
        format = "current";
        identity.watchLog();
      }
      if (format === "empty") {
        db.close();
        return undefined;
      }
      db.exec(`PRAGMA synchronous = ${SYNCHRONOUS}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      return new Connection(db, identity, format);
    } catch (error) {
      if (db.isOpen) db.close();
      throw error;
    }
  }

  private constructor(db: DatabaseSync, identity: FileIdentity, format: Format) {
    const bare = format === "python";
    this.db = db;
    this.identity = identity;
    this.format = format;
    this.values = new Table(db, undefined, bare);
    this.#system = bare ? undefined : new Table(db, "system");
    this.#version = this.#prepare(bare ? "SELECT 1" : "SELECT version FROM ipctools_version");
    this.#forgotten = this.#prepare(bare ? "SELECT 0" : "SELECT forgotten FROM ipctools_version");
    this.#changes = this.#prepare(
      bare
        ? "SELECT 1, 0, '' WHERE ? < 0"
        : // Its rows are in the order of versions: from the end back to the first that is too old.
          `SELECT version, system, CAST(key AS BLOB) FROM ipctools_change WHERE rowid > coalesce((
             SELECT rowid FROM ipctools_change WHERE version <= ? ORDER BY rowid DESC LIMIT 1), 0) ORDER BY rowid`,
    );
    this.#dataVersion = this.#prepare("PRAGMA data_version");
    this.#news = this.#prepare(bare ? "SELECT 0, NULL, NULL" : NEWS);
    this.#begin = db.prepare("BEGIN");
    this.#beginImmediate = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
  }

  /** The entries of a space; `undefined` where Python made the file and nothing of ours is in it yet. */
  table(space: Space | undefined): Table | undefined {
    return space === undefined ? this.values : this.#system;
  }

  /** The tables that there are. */
  tables(): Table[] {
    return this.#system === undefined ? [this.values] : [this.values, this.#system];
  }

  version(): number {
    return (this.#version.get() as unknown as [number])[0];
  }

  /** What was deleted, or set under a watch, up to this version may be forgotten. */
  forgotten(): number {
    return (this.#forgotten.get() as unknown as [number])[0];
  }

  /** What was deleted, or set while somebody watched it, after the version; in the order of versions. */
  changesAfter(version: number): { version: number; key: string; space: Space | undefined }[] {
    const rows = this.#changes.all(version) as unknown as [number, 0 | 1, Uint8Array][];
    return rows.map(([version, system, key]) => ({
      version,
      key: utf8.decode(key),
      space: system === 1 ? "system" : undefined,
    }));
  }

  /** Changes when another connection has committed. */
  dataVersion(): number {
    return (this.#dataVersion.get() as unknown as [number])[0];
  }

  /** Where the log of changes ends, and when the next entry's time runs out, in milliseconds since the epoch. */
  news(): { lastChange: number; nextExpiry: number } {
    const row = this.#news.get() as unknown as [number | null, number | null, number | null];
    return { lastChange: row[0] ?? 0, nextExpiry: Math.min(row[1] ?? Infinity, row[2] ?? Infinity) };
  }

  /** A statement whose rows are objects, prepared once: preparing costs more than running. */
  statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  /** Runs `body` in one transaction that sees one state and may write. Throws SQLite's busy error at once if it cannot begin. */
  write<T>(body: () => T): T {
    return this.#transaction(this.#beginImmediate, body);
  }

  /** Runs `body` in one transaction that sees one state. */
  read<T>(body: () => T): T {
    return this.#transaction(this.#begin, body);
  }

  #prepare(sql: string): StatementSync {
    const statement = this.db.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  }

  #transaction<T>(begin: StatementSync, body: () => T): T {
    begin.run();
    try {
      const result = body();
      this.#commit.run();
      return result;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    if (this.db.isOpen) this.db.close();
  }
}
