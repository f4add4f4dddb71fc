import type { DatabaseSync } from "node:sqlite";
import { newerFormatError } from "../../../engine/standard-errors.ts";
import { damagedError, notAStore } from "./sqlite-error.ts";

/*
 * The format of the file; docs/file-format.md describes it for other languages. The table `store` with the columns
 * `key` and `value` is the one that the Python library `ipctools` makes; everything else is added to it.
 */

/** "ipct": says in the file's header whose it is. */
const APPLICATION_ID = 0x69706374;
/** Grows when a program of an earlier version could no longer use the file correctly. */
export const FORMAT_VERSION = 1;

/** A small page: a commit writes whole pages, so that this decides what a small set costs. */
const PAGE_BYTES = 1024;
/** The deletes and watched sets that are remembered for watches that resume. */
const CHANGES_KEPT = 16_384;

export type Format =
  /** Nothing was ever set. */
  | "empty"
  /** Python made it, and only Python has written in it. */
  | "python"
  | "current";

/** Looks at what the file is; changes nothing. Throws `ERR_STORE_NOT_A_STORE` or `ERR_STORE_NEWER_FORMAT`. */
export function formatOf(db: DatabaseSync, path: string): Format {
  if (db.isTransaction) return formatSeen(db, path);
  // In one transaction: somebody else may be making it a store between two looks.
  db.exec("BEGIN");
  try {
    return formatSeen(db, path);
  } finally {
    if (db.isTransaction) db.exec("ROLLBACK");
  }
}

function formatSeen(db: DatabaseSync, path: string): Format {
  const { id } = db.prepare("SELECT application_id AS id FROM pragma_application_id").get() as { id: number };
  if (id === APPLICATION_ID) {
    const { version } = db.prepare("SELECT user_version AS version FROM pragma_user_version").get() as {
      version: number;
    };
    if (version > FORMAT_VERSION) throw newerFormatError(path, version, FORMAT_VERSION);
    checkSchema(db, path);
    return "current";
  }
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[];
  if (tables.length === 0 && id === 0) return "empty";
  if (!tables.some((table) => table.name === "store"))
    throw notAStore(path, "it is a SQLite database of another program");
  const columns = db.prepare("SELECT name FROM pragma_table_info('store') ORDER BY cid").all() as { name: string }[];
  const names = columns.map((column) => column.name).join();
  if (names !== "key,value" || id !== 0) throw notAStore(path, "it has a table named store of another shape");
  refuseForeign(db, path, new Map());
  return "python";
}

/** Throws `ERR_STORE_DAMAGED` unless tables, indexes and triggers are the store's own. Further tables may be there. */
function checkSchema(db: DatabaseSync, path: string): void {
  const tables = new Set(
    (db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[]).map(
      ({ name }) => name,
    ),
  );
  for (const table of OWN_TABLES) if (!tables.has(table)) throw damagedError(path, `it has no table ${table}`);
  refuseForeign(db, path, OWN_TRIGGERS);
  const counts = db
    .prepare(
      `SELECT count(*) AS n FROM ipctools_version
       WHERE ${["version", "watchers", "forgotten"].map((column) => `typeof(${column}) = 'integer' AND ${column} >= 0`).join(" AND ")}`,
    )
    .get() as { n: number };
  if (counts.n !== 1) throw damagedError(path, "its version is not an integer");
}

/** A trigger of somebody else would run in every write, and could go on for ever. */
function refuseForeign(db: DatabaseSync, path: string, own: ReadonlyMap<string, string>): void {
  const rows = db
    .prepare("SELECT name, tbl_name AS tableName, sql FROM sqlite_schema WHERE type = 'trigger'")
    .all() as unknown as { name: string; tableName: string; sql: string }[];
  let found = 0;
  for (const { name, tableName, sql } of rows) {
    if (own.get(name) === sql) found++;
    else if (own.has(name) || tableName === "store" || tableName.startsWith("ipctools_"))
      throw damagedError(path, `its trigger ${JSON.stringify(name)} is not the store's`);
  }
  if (found < own.size) throw damagedError(path, "a trigger of the store is missing");
}

/**
 * Makes the file a store of the current format, in one transaction, whatever others do meanwhile: a new one, or one that
 * Python made. Throws SQLite's own busy error if somebody is writing: nothing was changed then, call again.
 */
export function bringUpToDate(db: DatabaseSync, path: string): void {
  if (formatOf(db, path) === "empty") db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
  // Kept in the file, so that everybody's connections use it from now on, Python's too.
  db.prepare("PRAGMA journal_mode = WAL").get();
  db.exec("BEGIN IMMEDIATE");
  try {
    const format = formatOf(db, path);
    if (format === "empty") db.exec(CREATE_STORE);
    if (format === "python") db.exec(EXTEND_STORE);
    if (format !== "current") db.exec(CREATE_REST);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

const OUR_COLUMNS = [
  "version INTEGER NOT NULL DEFAULT 0",
  "created_version INTEGER NOT NULL DEFAULT 0",
  "session TEXT",
  "expires_at INTEGER",
];

const CREATE_STORE = `
CREATE TABLE store (key TEXT PRIMARY KEY, value TEXT NOT NULL, ${OUR_COLUMNS.join(", ")}) WITHOUT ROWID;
`;

const EXTEND_STORE = `
${OUR_COLUMNS.map((column) => `ALTER TABLE store ADD COLUMN ${column};`).join("\n")}
UPDATE store SET version = 1, created_version = 1;
`;

const CREATE_REST = `
CREATE TABLE ipctools_entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, ${OUR_COLUMNS.join(", ")}) WITHOUT ROWID;
CREATE TABLE ipctools_version (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL CHECK (typeof(version) = 'integer' AND version BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER}),
  watchers INTEGER NOT NULL,
  forgotten INTEGER NOT NULL
);
INSERT INTO ipctools_version SELECT 1, coalesce(max(version), 0), 0, coalesce(max(version), 0) FROM store;
CREATE TABLE ipctools_session (
  id TEXT PRIMARY KEY,
  pid INTEGER NOT NULL,
  started TEXT NOT NULL,
  network TEXT NOT NULL,
  since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE ipctools_key_watcher (
  system INTEGER NOT NULL,
  key TEXT NOT NULL,
  session TEXT NOT NULL,
  PRIMARY KEY (system, key, session)
) WITHOUT ROWID;
CREATE TABLE ipctools_range_watcher (
  system INTEGER NOT NULL,
  first TEXT NOT NULL,
  past TEXT,
  session TEXT NOT NULL
);
CREATE INDEX ipctools_range_watcher_by_first ON ipctools_range_watcher (system, first, past);
CREATE TABLE ipctools_change (
  version INTEGER NOT NULL,
  system INTEGER NOT NULL,
  key TEXT NOT NULL
);
CREATE TRIGGER ipctools_change_kept AFTER INSERT ON ipctools_change WHEN NEW.rowid % 512 = 0 BEGIN
  UPDATE ipctools_version SET forgotten = max(forgotten, coalesce(
    (SELECT max(version) FROM ipctools_change WHERE rowid <= NEW.rowid - ${CHANGES_KEPT}), 0));
  DELETE FROM ipctools_change WHERE rowid <= NEW.rowid - ${CHANGES_KEPT};
END;
${indexesOf("store")}${indexesOf("ipctools_entry")}${triggersOf("store", 0)}${triggersOf("ipctools_entry", 1)}
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT_VERSION};
`;

/** What finds the entries that are bound to something; a plain entry is in neither. */
function indexesOf(table: string): string {
  return `
CREATE INDEX ipctools_session_of_${table} ON ${table} (session) WHERE session IS NOT NULL;
CREATE INDEX ipctools_expiry_of_${table} ON ${table} (expires_at) WHERE expires_at IS NOT NULL;`;
}

/**
 * Whether anybody watches the key; an SQL expression for a statement on the table of that space. A column as the `key` has its
 * table's name before it, since the tables of watchers have a column `key` too. As a parameter it comes three times.
 */
export function isWatched(key: string, system: 0 | 1): string {
  return `(SELECT watchers FROM ipctools_version) > 0 AND (
    EXISTS (SELECT 1 FROM ipctools_key_watcher w WHERE w.system = ${system} AND w.key = ${key})
    OR EXISTS (SELECT 1 FROM ipctools_range_watcher w
      WHERE w.system = ${system} AND w.first <= ${key} AND (w.past IS NULL OR w.past > ${key})))`;
}

/**
 * What keeps the version and the changes right, whoever writes. A program that knows versions writes them itself (`version` is
 * the next version); for one that does not (Python, the sqlite3 shell) the triggers whose names begin with
 * `ipctools_foreign` do it.
 */
function triggersOf(table: string, system: 0 | 1): string {
  const count = "UPDATE ipctools_version SET version = max(version, NEW.version);";
  const record = `INSERT INTO ipctools_change VALUES (NEW.version, ${system}, NEW.key);`;
  const next = "(SELECT version + 1 FROM ipctools_version)";
  return `
CREATE TRIGGER ipctools_insert_${table} AFTER INSERT ON ${table} WHEN NEW.version > 0 BEGIN
  ${count}
END;
CREATE TRIGGER ipctools_update_${table} AFTER UPDATE ON ${table} WHEN NEW.version > OLD.version BEGIN
  ${count}
END;
CREATE TRIGGER ipctools_record_insert_${table} AFTER INSERT ON ${table}
WHEN NEW.version > 0 AND ${isWatched("NEW.key", system)} BEGIN
  ${record}
END;
CREATE TRIGGER ipctools_record_update_${table} AFTER UPDATE ON ${table}
WHEN NEW.version > OLD.version AND ${isWatched("NEW.key", system)} BEGIN
  ${record}
END;
CREATE TRIGGER ipctools_delete_${table} AFTER DELETE ON ${table} BEGIN
  UPDATE ipctools_version SET version = version + 1;
  INSERT INTO ipctools_change VALUES ((SELECT version FROM ipctools_version), ${system}, OLD.key);
END;
CREATE TRIGGER ipctools_foreign_insert_${table} AFTER INSERT ON ${table} WHEN NEW.version <= 0 BEGIN
  UPDATE ${table} SET version = ${next}, created_version = ${next} WHERE key = NEW.key;
END;
CREATE TRIGGER ipctools_foreign_update_${table} AFTER UPDATE OF value ON ${table} WHEN NEW.version = OLD.version BEGIN
  UPDATE ${table} SET version = ${next}, session = NULL, expires_at = NULL WHERE key = NEW.key;
END;`;
}

const OWN_TABLES = ["store", ...Array.from(CREATE_REST.matchAll(/^CREATE TABLE (\w+)/gm), ([, name]) => name!)];

/** The text of each trigger by its name, as SQLite keeps it. */
const OWN_TRIGGERS: ReadonlyMap<string, string> = new Map(
  Array.from(CREATE_REST.matchAll(/^CREATE TRIGGER (\w+)[\s\S]*?\nEND/gm), ([sql, name]) => [name!, sql]),
);
