import type { Check, Mutation } from "../../../engine/contract.ts";
import type { Space, Value } from "../../../engine/entry.ts";
import { boundsOf, inRange } from "../../../engine/range.ts";
import type { Connection } from "../database/connection.ts";
import { isWatched } from "../database/schema.ts";
import type { Table } from "../database/table.ts";
import { type Committed, type Owners, transact } from "./transaction.ts";

/*
 * Most commits have one of a few shapes, and one statement makes each of those sooner than a transaction of several does.
 *
 * A statement that commits by itself is run with `all`: `get` stops at the first row, before SQLite commits, and
 * `node:sqlite` then drops the error of the commit, so that a write on a full disk would be lost without an error.
 */

/** A way to make commits of one shape, without reads. */
export interface ShortWay {
  readonly name: string;
  /**
   * Makes the commit as the plain transaction would, with the same result. Returns `undefined`, with nothing changed, if the
   * commit has another shape, or if the statement changed nothing: then only the plain transaction can find out why.
   */
  attempt(
    connection: Connection,
    checks: readonly Check[],
    mutations: readonly Mutation[],
    owners: Owners,
  ): Committed | undefined;
}

/** The short ways, tried one after another: the shape of a commit → the statement that makes it. */
export const SHORT_WAYS: readonly ShortWay[] = [
  { name: "set", attempt: set },
  { name: "create too late", attempt: createTooLate },
  { name: "create", attempt: create },
  { name: "take", attempt: take },
  { name: "release", attempt: release },
];

/** A row that such a statement returns for an entry: the version, whether the key is watched, and the mutation's index. */
type Row = [version: number, watched: 0 | 1, mutation: number];

type SetMutation = Mutation & { readonly type: "set" };

const NONE: readonly never[] = [];
const NEXT_VERSION = "(SELECT version + 1 FROM ipctools_version)";

/** One plain entry is set, whatever is there. Declines if the entry is bound, because its owner may be dead. */
function set(connection: Connection, checks: readonly Check[], mutations: readonly Mutation[]): Committed | undefined {
  const only = plainSet(mutations);
  if (only === undefined || checks.length > 0) return undefined;
  const table = connection.table(only.space)!;
  const statement = table.statement(
    "set plain",
    () => `INSERT INTO ${table.name} (key, value, version, created_version) VALUES (?, ?, ${NEXT_VERSION}, ${NEXT_VERSION})
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version
        WHERE session IS NULL AND expires_at IS NULL
      RETURNING version, ${isWatched(`${table.name}.key`, table.system)}, 0`,
  );
  return committed(mutations, statement.all(only.key, only.value) as unknown as Row[]);
}

/**
 * Sets one plain entry, if nobody watches its key and it is not bound. Returns whether it was set. It is `set` for a caller
 * that does not need the version, which saves a tenth of the time.
 */
export function setUnwatched(connection: Connection, key: string, value: Value): boolean {
  const table = connection.values;
  const statement = table.statement(
    "set unwatched",
    // A watched key gets no version, and `OR IGNORE` leaves out a row without a version. Nor is there one after the last that is
    // a safe integer: `OR IGNORE` would also ignore that the store's version cannot follow.
    () => `INSERT OR IGNORE INTO ${table.name} (key, value, version, created_version) VALUES (?, ?,
        (SELECT version + 1 FROM ipctools_version
          WHERE version < ${Number.MAX_SAFE_INTEGER} AND NOT (${isWatched("?", table.system)})), ${NEXT_VERSION})
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version
        WHERE session IS NULL AND expires_at IS NULL`,
  );
  return statement.run(key, value, key, key, key).changes === 1;
}

/** A key is to be created that exists: a read finds that out, without the lock on writing. */
function createTooLate(
  connection: Connection,
  checks: readonly Check[],
  mutations: readonly Mutation[],
  owners: Owners,
): Committed | undefined {
  const only = plainCreate(checks, mutations);
  if (only === undefined) return undefined;
  const table = connection.table(only.space)!;
  const statement = table.statement(
    "create too late",
    () => `SELECT (SELECT version FROM ipctools_version), session IS NOT NULL OR expires_at IS NOT NULL
      FROM ${table.name} WHERE key = ?`,
  );
  const row = statement.get(only.key) as unknown as [version: number, isBound: 0 | 1] | undefined;
  if (row === undefined) return undefined;
  const [version, isBound] = row;
  if (isBound === 0) return { ok: false, version, reads: NONE, watched: NONE, ended: NONE };
  const seen = transact(connection, { checks }, owners);
  return seen.ok ? undefined : seen;
}

/** One plain entry is created. */
function create(
  connection: Connection,
  checks: readonly Check[],
  mutations: readonly Mutation[],
): Committed | undefined {
  const only = plainCreate(checks, mutations);
  if (only === undefined) return undefined;
  const table = connection.table(only.space)!;
  const statement = table.statement(
    "create",
    () => `INSERT INTO ${table.name} (key, value, version, created_version) VALUES (?, ?, ${NEXT_VERSION}, ${NEXT_VERSION})
      ON CONFLICT (key) DO NOTHING RETURNING version, ${isWatched(`${table.name}.key`, table.system)}, 0`,
  );
  return committed(mutations, statement.all(only.key, only.value) as unknown as Row[]);
}

/** With two, a comparison with the first key gives a mutation's index. The statements are named by the number of mutations. */
const MOST_MUTATIONS = 2;
const TAKE = ["", "take one", "take two"];
const RELEASE = ["", "release one", "release two"];

/** Locks, permits and elections: entries of one session are set if the range that they come into is empty. */
function take(connection: Connection, checks: readonly Check[], mutations: readonly Mutation[]): Committed | undefined {
  const [check] = checks;
  if (checks.length !== 1 || !("empty" in check!)) return undefined;
  if (mutations.length === 0 || mutations.length > MOST_MUTATIONS) return undefined;
  const { start, end } = boundsOf(check.empty);
  if (end === undefined) return undefined;
  let session: string | undefined;
  const values: (Value | null)[] = [];
  for (const mutation of mutations) {
    if (mutation.type !== "set" || mutation.ttl !== undefined) return undefined;
    if (!inRange(check.empty, mutation.key, mutation.space)) return undefined;
    if (session !== undefined && mutation.session !== undefined && mutation.session !== session) return undefined;
    session ??= mutation.session;
    values.push(mutation.key, mutation.value, mutation.session ?? null);
  }
  if (session === undefined) return undefined;
  const table = connection.table(check.empty.space)!;
  const statement = table.statement(TAKE[mutations.length]!, () => takeSql(table, mutations.length));
  return committed(mutations, statement.all(...values, start, end, session, mutations[0]!.key) as unknown as Row[]);
}

/** The way back: entries are deleted if one entry has its version still and its owner needs no look. */
function release(
  connection: Connection,
  checks: readonly Check[],
  mutations: readonly Mutation[],
  { own }: Owners,
): Committed | undefined {
  const [check] = checks;
  if (checks.length !== 1 || "empty" in check! || check!.version === 0) return undefined;
  if (mutations.length === 0 || mutations.length > MOST_MUTATIONS) return undefined;
  const { key, space, version } = check!;
  const keys: string[] = [];
  for (const mutation of mutations) {
    if (mutation.type !== "delete" || mutation.space !== space) return undefined;
    keys.push(mutation.key);
  }
  const table = connection.table(space)!;
  const statement = table.statement(RELEASE[mutations.length]!, () => releaseSql(table, mutations.length));
  return committed(mutations, statement.all(...keys, key, version, own ?? null, keys[0]!) as unknown as Row[]);
}

function takeSql({ name, system }: Table, count: number): string {
  return `INSERT INTO ${name} (key, value, session, version, created_version)
    SELECT v.column1, v.column2, v.column3, s.version + 1, s.version + 1
    FROM (VALUES ${times(count, "(?, ?, ?)")}) v, ipctools_version s
    WHERE NOT EXISTS (SELECT 1 FROM ${name} WHERE key >= ? AND key < ?)
      AND EXISTS (SELECT 1 FROM ipctools_session WHERE id = ?)
    RETURNING version, ${isWatched(`${name}.key`, system)}, ${name}.key <> ?`;
}

function releaseSql({ name, system }: Table, count: number): string {
  // Each delete adds one to the version, after its row is returned. The query names the row's key, because SQLite would
  // otherwise ask for the version once and return it for every row.
  return `DELETE FROM ${name} WHERE key IN (${times(count, "?")}) AND EXISTS (
      SELECT 1 FROM ${name} WHERE key = ? AND version = ? AND expires_at IS NULL AND (session IS NULL OR session = ?))
    RETURNING (SELECT version + 1 FROM ipctools_version WHERE key IS NOT NULL),
      ${isWatched(`${name}.key`, system)}, ${name}.key <> ?`;
}

function times(count: number, text: string): string {
  return Array(count).fill(text).join(", ");
}

function plainSet(mutations: readonly Mutation[]): SetMutation | undefined {
  const [only] = mutations;
  if (mutations.length !== 1 || only?.type !== "set") return undefined;
  return only.session === undefined && only.ttl === undefined ? only : undefined;
}

function plainCreate(checks: readonly Check[], mutations: readonly Mutation[]): SetMutation | undefined {
  const [check] = checks;
  if (checks.length !== 1 || "empty" in check! || check!.version !== 0) return undefined;
  const only = plainSet(mutations);
  return only !== undefined && only.key === check!.key && only.space === check!.space ? only : undefined;
}

/** The result of a statement that returned these rows; `undefined` if it changed nothing. */
function committed(mutations: readonly Mutation[], rows: readonly Row[]): Committed | undefined {
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const watched = rows
    .filter(([, isWatched]) => isWatched === 1)
    .map(([, , mutation]) => ({ key: mutations[mutation]!.key, system: systemOf(mutations[mutation]!.space) }));
  return { ok: true, version: last[0], reads: NONE, watched, ended: NONE };
}

function systemOf(space: Space | undefined): 0 | 1 {
  return space === undefined ? 0 : 1;
}
