import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import type { Commit } from "../../../../src/engine/contract.ts";
import type { Value } from "../../../../src/engine/entry.ts";
import { attemptCommit } from "../../../../src/engines/sqlite/commit/attempt-commit.ts";
import { SHORT_WAYS, setUnwatched } from "../../../../src/engines/sqlite/commit/short-ways.ts";
import { type Committed, type Owners, transact } from "../../../../src/engines/sqlite/commit/transaction.ts";
import { Connection } from "../../../../src/engines/sqlite/database/connection.ts";
import { addSession, changeInterests, type Interest } from "../../../../src/engines/sqlite/sessions/session-rows.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { randomNumbers } from "../../../linearizability/history/simulation.ts";
import { RandomCommits } from "./random-commits.ts";

const SEEDS = [1, 2, 3, 4];
const COMMITS = 1000;
const OWN = "own";
/** The sessions that commits name most. The first never existed. */
const FIRST_SESSIONS = ["never there", OWN, OWN, OWN, OWN];
const MOST_SESSIONS = 9;
const TABLES = [
  "store",
  "ipctools_entry",
  "ipctools_version",
  "ipctools_session",
  "ipctools_key_watcher",
  "ipctools_range_watcher",
];
const INTERESTS: readonly Interest[] = ([0, 1] as const).flatMap((system) => [
  { system, first: "place/b" },
  { system, first: "nul\0key" },
  { system, first: "place/\u{1f600}", past: "place0" },
]);

test(`${SEEDS.length * COMMITS} commits by the short ways and by plain transactions give the same results and rows`, (t) => {
  const taken = new Map<string, number>(SHORT_WAYS.map(({ name }) => [name, 0]));
  const count = (name: string) => taken.set(name, (taken.get(name) ?? 0) + 1);
  const watched = new Set<string>();
  for (const way of SHORT_WAYS) {
    const attempt = way.attempt;
    t.mock.method(way, "attempt", (...args: Parameters<typeof attempt>) => {
      const committed = attempt(...args);
      if (committed !== undefined) count(way.name);
      if (committed?.watched.length) watched.add(way.name);
      return committed;
    });
  }
  taken.set("set unwatched", 0);
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000_000_000 });
  for (const seed of SEEDS) compare(t, seed, count);
  t.diagnostic([...taken].map(([name, times]) => `${name} ${times}`).join(", "));
  for (const [name, times] of taken) assert.ok(times > 10, `${name} was taken ${times} times`);
  assert.deepEqual([...watched].sort(), ["create", "release", "set", "take"]);
});

/** Makes the same random commits in two stores, one way each. */
function compare(t: TestContext, seed: number, count: (name: string) => void): void {
  const [short, plain] = [openConnection(t), openConnection(t)] as const;
  const both = (change: (connection: Connection) => void) => {
    for (const connection of [short, plain]) connection.write(() => change(connection));
  };
  const alive = new Set<string>();
  const sessions = [...FIRST_SESSIONS];
  const begin = (id: string) => {
    both((connection) => addSession(connection, { id, pid: 1, started: "", network: "", since: 0 }));
    alive.add(id);
    sessions.push(id);
    if (sessions.length > MOST_SESSIONS) sessions.splice(FIRST_SESSIONS.length, 1);
  };
  begin(OWN);
  const owners: Owners = { isAlive: (session) => alive.has(session), own: OWN };
  const random = randomNumbers(seed);
  const commits = new RandomCommits({
    random,
    sessions,
    version: ({ key, space }) => plain.table(space)!.state(key).version,
  });
  const interests = new Set<Interest>();
  let [lastShort, lastPlain] = [0, 0];
  for (let i = 0; i < COMMITS; i++) {
    t.mock.timers.tick(commits.one([0, 1, 4]));
    if (commits.chance(0.05)) begin(`session ${i}`);
    // A dead session stays among those that commits name: it is cleared away when one meets an entry of it.
    const mortal = commits.one([...alive]);
    if (commits.chance(0.05) && mortal !== OWN) alive.delete(mortal);
    if (commits.chance(0.05)) {
      const interest = commits.one(INTERESTS);
      const isRegistered = interests.delete(interest);
      if (!isRegistered) interests.add(interest);
      both((connection) =>
        changeInterests(connection, OWN, isRegistered ? [] : [interest], isRegistered ? [interest] : []),
      );
    }
    const commit = commits.next();
    try {
      const byPlain = outcomeOf(() => transact(plain, commit, owners));
      const only = plainSetOf(commit);
      if (only && commits.chance(0.5) && setUnwatched(short, only.key, only.value)) count("set unwatched");
      else
        assert.deepEqual(
          outcomeOf(() => attemptCommit(short, commit, owners)),
          byPlain,
        );
      if ("ok" in byPlain) assertVersions(plain, commit, byPlain);
      assert.deepEqual(rowsOf(short, lastShort), rowsOf(plain, lastPlain));
    } catch (error) {
      throw new Error(`seed ${seed}, commit ${i}: ${JSON.stringify(commit)}`, { cause: error });
    }
    [lastShort, lastPlain] = [short.news().lastChange, plain.news().lastChange];
  }
}

function openConnection(t: TestContext): Connection {
  const file = path.join(temporaryFolder(t), "store.db");
  fs.writeFileSync(file, "");
  const connection = Connection.toWrite(file);
  t.after(() => connection.close());
  return connection;
}

type Outcome = Committed | { readonly code: unknown; readonly message: string };

/** The result of a commit, the keys in one order: they are a set for those that wake watchers. */
function outcomeOf(attempt: () => Committed): Outcome {
  try {
    const { watched, ended, ...result } = attempt();
    const byKey = new Map(watched.map((written) => [`${written.system}${written.key}`, written]));
    return { ...result, watched: [...byKey].sort().map(([, written]) => written), ended: [...ended].sort() };
  } catch (error) {
    return { code: (error as { code?: string }).code, message: (error as Error).message };
  }
}

/** The mutation of a commit that sets one plain value of the user's, and does nothing else. */
function plainSetOf({ checks = [], mutations = [], reads = [] }: Commit): { key: string; value: Value } | undefined {
  const [only] = mutations;
  if (checks.length + reads.length > 0 || mutations.length !== 1 || only?.type !== "set") return undefined;
  return only.space === undefined && only.session === undefined && only.ttl === undefined ? only : undefined;
}

/** What a commit set has its version, unless a read of the same commit met it as an entry of a dead session. */
function assertVersions(connection: Connection, { mutations = [] }: Commit, { ok, version, reads }: Committed): void {
  for (const { key, space, type } of ok ? mutations : []) {
    const state = connection.table(space)!.state(key);
    assert.ok(state.version === 0 || (type === "set" && state.version === version), `the entry has ${state.version}`);
  }
  for (const entry of reads.flat()) assert.ok(entry.version <= version, `an entry has ${entry.version}`);
}

/** The rows of every table; of the changes those after the last ones, since they are many. */
function rowsOf(connection: Connection, lastChange: number): unknown[] {
  const rows = TABLES.map((table) => connection.statement(`SELECT * FROM ${table}`).all());
  return [...rows, connection.statement("SELECT * FROM ipctools_change WHERE rowid > ?").all(lastChange)];
}
