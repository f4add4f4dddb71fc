import * as assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import type { Mutation } from "../../../../src/engine/contract.ts";
import { openSqliteEngine } from "../../../../src/engines/sqlite/engine.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

// Commits of the shapes that the engine makes in one statement.

const empty = { space: "system", prefix: "place/" } as const;
const [own, mark] = [{ space: "system", key: "place/own" } as const, { space: "system", key: "place/mark" } as const];
const deletions: Mutation[] = [own, mark].map((at) => ({ type: "delete", ...at }));

test("what is taken and released in one statement has the commit's version, and is told to who watches", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const [engine, other] = await Promise.all([openSqliteEngine(file), openSqliteEngine(file)]);
  const session = await engine.openSession();
  const sets: Mutation[] = [
    { type: "set", ...own, value: "own", session: session.id },
    { type: "set", ...mark, value: "mark" },
  ];
  for (const turn of ["nobody watches", "another watches"]) {
    const isWatched = turn === "another watches";
    for (const count of [1, 2]) {
      const watch = isWatched ? other.watch([own], {}) : undefined;
      const first = watch?.next();
      if (isWatched) await other.commit({ mutations: [{ type: "set", key: "begun", value: turn }] });
      const taken = await engine.commit({ checks: [{ empty }], mutations: sets.slice(0, count) });
      const { entries, version } = await other.list(empty);
      assert.deepEqual([taken.ok, taken.version], [true, version], turn);
      assert.equal(entries.length, count);
      for (const entry of entries) assert.deepEqual([entry.version, entry.createdVersion], [version, version]);
      if (first) assert.deepEqual((await first).value[0].entry.session, session.id);
      const again = await engine.commit({ checks: [{ empty }], mutations: sets.slice(0, count) });
      assert.deepEqual([again.ok, again.version], [false, version]);

      const late = await engine.commit({ checks: [{ ...own, version: version - 1 }], mutations: deletions });
      assert.deepEqual([late.ok, late.version], [false, version]);
      const next = watch?.next();
      const released = await engine.commit({ checks: [{ ...own, version }], mutations: deletions.slice(0, count) });
      const after = await other.list(empty);
      assert.deepEqual([released.ok, released.version, after.entries], [true, after.version, []], turn);
      if (next) assert.equal((await next).value[0].type, "delete");
      await watch?.return?.();
    }
  }
  await Promise.all([engine.close(), other.close()]);
});

test("the place of a session that has ended is free, its fence fails, and it takes none any more", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const [engine, other] = await Promise.all([openSqliteEngine(file), openSqliteEngine(file)]);
  const [session, ended] = [await engine.openSession(), await other.openSession()];
  const set = (id: string): Mutation => ({ type: "set", ...own, value: "own", session: id });
  const { version } = await other.commit({ checks: [{ empty }], mutations: [set(ended.id)] });
  // Of another owner's entry it takes a look at whether that one lives: it does.
  const { ok } = await engine.commit({ checks: [{ ...own, version }], mutations: [{ type: "delete", ...mark }] });
  assert.equal(ok, true);
  await ended.close();
  const fenced = await engine.commit({ checks: [{ ...own, version }], mutations: [{ type: "delete", ...mark }] });
  assert.equal(fenced.ok, false);
  await assert.rejects(async () => engine.commit({ checks: [{ empty }], mutations: [set(ended.id)] }), {
    code: "ERR_STORE_SESSION_LOST",
  });
  assert.equal((await engine.commit({ checks: [{ empty }], mutations: [set(session.id)] })).ok, true);
  await Promise.all([engine.close(), other.close()]);
});
