import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Entry, Space, Value } from "../../../engine/entry.ts";
import { boundsOf, type Range, type RangeRead } from "../../../engine/range.ts";
import { cutsTextAtNul } from "./runtime.ts";
import { isWatched } from "./schema.ts";
import { MalformedRow } from "./sqlite-error.ts";

type Row = [
  key: string | Uint8Array,
  value: Value,
  version: number,
  createdVersion: number,
  session: string | null,
  expiresAt: number | null,
  valueType?: string,
];

export interface EntryState {
  readonly version: number;
  readonly session?: string | undefined;
  readonly expiresAt?: number | undefined;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The prepared statements on the entries of one space. */
export class Table {
  readonly space: Space | undefined;
  readonly system: 0 | 1;
  readonly name: string;
  readonly #db: DatabaseSync;
  readonly #columns: string;
  readonly #careful: boolean;
  /** By a name of our own: texts that are put together at every call would cost as much as running some of them. */
  readonly #prepared = new Map<string | number, StatementSync>();
  readonly #plainValue: StatementSync;

  /** `bare`: the table as Python makes it, with nothing but keys and values. */
  constructor(db: DatabaseSync, space: Space | undefined, bare = false) {
    this.#db = db;
    this.space = space;
    this.system = space === undefined ? 0 : 1;
    this.name = space === undefined ? "store" : "ipctools_entry";
    this.#careful = cutsTextAtNul();
    const wholeText = (column: string) => `iif(instr(${column}, char(0)), CAST(${column} AS BLOB), ${column})`;
    const [key, value] = this.#careful ? [wholeText("key"), wholeText("value")] : ["key", "value"];
    const own = bare ? "0, 0, NULL, NULL" : "version, created_version, session, expires_at";
    this.#columns = `${key}, ${value}, ${own}${this.#careful ? ", typeof(value)" : ""}`;
    const plain = bare ? "" : " AND session IS NULL AND expires_at IS NULL";
    this.#plainValue = this.#prepare(
      `SELECT ${value}${this.#careful ? ", typeof(value)" : ""} FROM ${this.name} WHERE key = ?${plain}`,
    );
  }

  /** The value of an entry that is bound to nothing; `undefined` if there is none (one that is bound may be there). */
  plainValue(key: string): Value | undefined {
    const row = this.#plainValue.get(key) as unknown as [Value, string?] | undefined;
    if (row === undefined) return undefined;
    return wholeValue(row[0], row[1]);
  }

  get(key: string): Entry | undefined {
    const row = this.statement("get", () => `SELECT ${this.#columns} FROM ${this.name} WHERE key = ?`).get(key);
    return row === undefined ? undefined : this.#entry(row as unknown as Row);
  }

  /** The entries of a range, those included whose time ran out or whose session ended. */
  list(range: RangeRead, newerThan?: number): Entry[] {
    const parameters: SQLInputValue[] = [];
    const conditions: string[] = [];
    let shape = range.reverse ? 1 : 0;
    const where = (bit: number, condition: string, parameter: SQLInputValue) => {
      shape |= bit;
      parameters.push(parameter);
      conditions.push(condition);
    };
    if (range.key !== undefined) where(2, "key = ?", range.key);
    else {
      const { start, end } = boundsOf(range);
      if (start !== "") where(4, "key >= ?", start);
      if (end !== undefined) where(8, "key < ?", end);
    }
    if (newerThan !== undefined) where(16, "version > ?", newerThan);
    if (range.order === "created") shape |= 32;
    if (range.limit !== undefined) {
      shape |= 64;
      parameters.push(range.limit);
    }
    const statement = this.statement(shape, () => {
      const direction = range.reverse ? "DESC" : "ASC";
      const order = range.order === "created" ? `created_version ${direction}, key ${direction}` : `key ${direction}`;
      const which = conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : "";
      const most = range.limit === undefined ? "" : " LIMIT ?";
      return `SELECT ${this.#columns} FROM ${this.name}${which} ORDER BY ${order}${most}`;
    });
    const rows = statement.all(...parameters) as unknown as Row[];
    return rows.map((row) => this.#entry(row));
  }

  /** Sets an entry with the version that the transaction has. Returns whether anybody watches the key. */
  set(key: string, value: Value, version: number, session: string | undefined, expiresAt: number | undefined): boolean {
    const row = this.statement(
      "set",
      () => `INSERT INTO ${this.name} (key, value, version, created_version, session, expires_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, session = excluded.session,
         expires_at = excluded.expires_at
       RETURNING ${this.#isWatched}`,
    ).get(key, value, version, version, session ?? null, expiresAt ?? null) as unknown as [number];
    return row[0] === 1;
  }

  /** Deletes an entry. Returns `undefined` if there is none, else whether anybody watches the key. */
  delete(key: string): boolean | undefined {
    const row = this.statement(
      "delete",
      () => `DELETE FROM ${this.name} WHERE key = ? RETURNING ${this.#isWatched}`,
    ).get(key) as unknown as [number] | undefined;
    return row === undefined ? undefined : row[0] === 1;
  }

  /** The version of an entry, 0 if there is none, and what it is bound to. */
  state(key: string): EntryState {
    const row = this.statement(
      "state",
      () => `SELECT version, session, expires_at FROM ${this.name} WHERE key = ?`,
    ).get(key);
    if (row === undefined) return { version: 0 };
    const [version, session, expiresAt] = row as unknown as [number, string | null, number | null];
    checkBinding(version, session, expiresAt);
    return { version, session: session ?? undefined, expiresAt: expiresAt ?? undefined };
  }

  /** Deletes what ran out until `now`; returns the keys. */
  deleteExpired(now: number): string[] {
    return this.#deleted("expires_at <= ?", now);
  }

  /** Deletes what is bound to the session; returns the keys. */
  deleteOf(session: string): string[] {
    return this.#deleted("session = ?", session);
  }

  /** The keys of the entries that are bound to the session. */
  keysOf(session: string): string[] {
    const keys = this.statement("keys of", () => `SELECT ${this.#key} FROM ${this.name} WHERE session = ?`).all(
      session,
    );
    return (keys as unknown as [string | Uint8Array][]).map(([key]) => wholeText(key));
  }

  /** The sessions that entries of the range are bound to. */
  sessionsIn(range: Range): string[] {
    const { start, end } = boundsOf(range);
    const sessions = this.statement(
      "sessions",
      () =>
        `SELECT DISTINCT session FROM ${this.name} WHERE session IS NOT NULL AND key >= ? AND (? IS NULL OR key < ?)`,
    );
    return (sessions.all(start, end ?? null, end ?? null) as unknown as [string][]).map(([session]) => session);
  }

  /** How many entries there are, those included that ran out and were not noticed yet. */
  count(): number {
    return (this.statement("count", () => `SELECT count(*) FROM ${this.name}`).get() as unknown as [number])[0];
  }

  /** The key of a row, whole also where the runtime cuts texts. */
  get #key(): string {
    return this.#careful ? "CAST(key AS BLOB)" : "key";
  }

  get #isWatched(): string {
    return isWatched(`${this.name}.key`, this.system);
  }

  #deleted(condition: string, parameter: SQLInputValue): string[] {
    const rows = this.statement(
      condition,
      () => `DELETE FROM ${this.name} WHERE ${condition} RETURNING ${this.#key}`,
    ).all(parameter);
    return (rows as unknown as [string | Uint8Array][]).map(([key]) => wholeText(key));
  }

  /** A statement whose rows are arrays, prepared once under a name of its own in this table. */
  statement(name: string | number, sql: () => string): StatementSync {
    let statement = this.#prepared.get(name);
    if (statement === undefined) {
      statement = this.#prepare(sql());
      this.#prepared.set(name, statement);
    }
    return statement;
  }

  #prepare(sql: string): StatementSync {
    // Parameters are plain `?`: Node 22.19 and older bind nothing to `?1` ("column index out of range").
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  }

  #entry([key, value, version, createdVersion, session, expiresAt, valueType]: Row): Entry {
    checkBinding(version, session, expiresAt);
    if (!isVersion(createdVersion)) throw new MalformedRow("a version");
    return {
      key: wholeText(key),
      value: wholeValue(value, valueType),
      version,
      createdVersion,
      ...(this.space === undefined ? undefined : { space: this.space }),
      ...(session === null ? undefined : { session }),
      ...(expiresAt === null ? undefined : { expiresAt }),
    };
  }
}

/** SQLite keeps any kind of value in any column, and anybody may have written there. */
function checkBinding(version: unknown, session: unknown, expiresAt: unknown): void {
  if (!isVersion(version)) throw new MalformedRow("a version");
  if (session !== null && typeof session !== "string") throw new MalformedRow("an entry's session");
  if (expiresAt !== null && typeof expiresAt !== "number") throw new MalformedRow("an entry's time to live");
}

function isVersion(version: unknown): boolean {
  return Number.isSafeInteger(version) && (version as number) >= 0;
}

function wholeText(text: string | Uint8Array): string {
  if (typeof text === "string") return text;
  if (text instanceof Uint8Array) return utf8.decode(text);
  throw new MalformedRow("a key");
}

function wholeValue(value: Value, type: string | undefined): Value {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return type === "text" ? utf8.decode(value) : value;
  throw new MalformedRow("a value");
}
