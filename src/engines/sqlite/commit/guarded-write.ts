import type { Check, Mutation } from "../../../engine/contract.ts";
import { boundsOf, inRange, type Range } from "../../../engine/range.ts";
import type { Connection } from "../database/connection.ts";
import { isWatched } from "../database/schema.ts";
import type { Table } from "../database/table.ts";

/** What such a write tells: the commit's version, and whether anybody watches one of its keys. */
export interface GuardedWrite {
  readonly version: number;
  readonly isWatched: boolean;
}

const MOST_MUTATIONS = 2;
/** The statements' names, by how many entries they write. */
const TAKE = ["", "take one", "take two"];
const RELEASE = ["", "release one", "release two"];

/**
 * What locks, permits and elections do at every turn, in one statement instead of ten: entries of a session are set if
 * there is nothing in the range that they come into, and entries are deleted if one of them has its version still. `undefined`
 * if the commit has another shape, or if the statement changed nothing: then it takes a closer look to say why. `own` is
 * the session that is known to live, since it is one's own.
 */
export function guardedWrite(
  connection: Connection,
  checks: readonly Check[],
  mutations: readonly Mutation[],
  own: string | undefined,
): GuardedWrite | undefined {
  const [check] = checks;
  if (checks.length !== 1 || mutations.length === 0 || mutations.length > MOST_MUTATIONS) return undefined;
  if ("empty" in check!) return take(connection, check.empty, mutations);
  return release(connection, check!, mutations, own);
}

function take(connection: Connection, empty: Range, mutations: readonly Mutation[]): GuardedWrite | undefined {
  const { start, end } = boundsOf(empty);
  if (end === undefined) return undefined;
  let session: string | undefined;
  const values: (string | Uint8Array | null)[] = [];
  for (const mutation of mutations) {
    if (mutation.type !== "set" || mutation.ttl !== undefined) return undefined;
    if (!inRange(empty, mutation.key, mutation.space)) return undefined;
    if (session !== undefined && mutation.session !== undefined && mutation.session !== session) return undefined;
    session ??= mutation.session;
    values.push(mutation.key, mutation.value, mutation.session ?? null);
  }
  if (session === undefined) return undefined;
  const table = connection.table(empty.space)!;
  const statement = table.statement(TAKE[mutations.length]!, () => takeSql(table, mutations.length));
  return written(statement.all(...values, start, end, session) as unknown as Row[], 0);
}

function release(
  connection: Connection,
  { key, space, version }: Extract<Check, { readonly key: string }>,
  mutations: readonly Mutation[],
  own: string | undefined,
): GuardedWrite | undefined {
  if (version === 0) return undefined;
  const keys: string[] = [];
  for (const mutation of mutations) {
    if (mutation.type !== "delete" || mutation.space !== space) return undefined;
    keys.push(mutation.key);
  }
  const table = connection.table(space)!;
  const statement = table.statement(RELEASE[mutations.length]!, () => releaseSql(table, mutations.length));
  // Returned is the version before each delete, which then counts it up.
  return written(statement.all(...keys, key, version, own ?? null) as unknown as Row[], 1);
}

type Row = [version: number, watched: 0 | 1];

function written(rows: readonly Row[], after: 0 | 1): GuardedWrite | undefined {
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  return { version: last[0] + after, isWatched: rows.some(([, watched]) => watched === 1) };
}

function takeSql({ name, system }: Table, count: number): string {
  return `INSERT INTO ${name} (key, value, session, version, created_version)
    SELECT v.column1, v.column2, v.column3, r.version + 1, r.version + 1
    FROM (VALUES ${times(count, "(?, ?, ?)")}) v, ipctools_version r
    WHERE NOT EXISTS (SELECT 1 FROM ${name} WHERE key >= ? AND key < ?)
      AND EXISTS (SELECT 1 FROM ipctools_session WHERE id = ?)
    RETURNING version, ${isWatched(`${name}.key`, system)}`;
}

/** The look at the version names the row, so that it is taken anew for each; else it would be one for all. */
function releaseSql({ name, system }: Table, count: number): string {
  return `DELETE FROM ${name} WHERE key IN (${times(count, "?")}) AND EXISTS (
      SELECT 1 FROM ${name} WHERE key = ? AND version = ? AND expires_at IS NULL AND (session IS NULL OR session = ?))
    RETURNING (SELECT version FROM ipctools_version WHERE key IS NOT NULL), ${isWatched(`${name}.key`, system)}`;
}

function times(count: number, text: string): string {
  return Array(count).fill(text).join(", ");
}
