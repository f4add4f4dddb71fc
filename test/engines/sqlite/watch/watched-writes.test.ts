import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import type { Commit, Mutation } from "../../../../src/engine/contract.ts";
import type { Space } from "../../../../src/engine/entry.ts";
import { attemptCommit } from "../../../../src/engines/sqlite/commit/attempt-commit.ts";
import { setUnwatched } from "../../../../src/engines/sqlite/commit/short-ways.ts";
import { Connection } from "../../../../src/engines/sqlite/database/connection.ts";
import { addSession, changeInterests } from "../../../../src/engines/sqlite/sessions/session-rows.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

test("a write in one statement or several tells of the keys that are watched, and of no others", (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  fs.writeFileSync(file, "");
  const connection = Connection.toWrite(file);
  t.after(() => connection.close());
  const session = "0123456789abcdef";
  connection.write(() => {
    addSession(connection, { id: session, pid: 1, started: "", network: "", since: 0 });
    const interests = ([0, 1] as const).flatMap((system) => [
      { system, first: "watched" },
      { system, first: "range/", past: "range0" },
    ]);
    changeInterests(connection, session, interests, []);
  });
  const told = (commit: Commit) =>
    attemptCommit(connection, commit, { isAlive: () => true, own: session }).watched.map(({ key }) => key);
  for (const space of [undefined, "system"] as (Space | undefined)[]) {
    const at = (key: string) => (space === undefined ? { key } : { key, space });
    const set = (key: string): Mutation => ({ type: "set", ...at(key), value: "value" });
    for (const [key, isWatched] of [
      ["watched", true],
      ["range/1", true],
      ["other", false],
      ["range", false],
    ] as const) {
      const expected = isWatched ? [key] : [];
      const here = { ...(space && { space }), start: key, end: `${key}\0` };
      const deletion: Mutation = { type: "delete", ...at(key) };
      const shapes: Record<string, Commit> = {
        create: { checks: [{ ...at(key), version: 0 }], mutations: [set(key)] },
        set: { mutations: [set(key)] },
        "set with a time": { mutations: [{ ...set(key), ttl: 60_000 } as Mutation] },
        delete: { mutations: [deletion] },
        take: { checks: [{ empty: here }], mutations: [{ ...set(key), session } as Mutation] },
      };
      for (const [shape, commit] of Object.entries(shapes)) assert.deepEqual(told(commit), expected, `${shape} ${key}`);
      const { version } = connection.table(space)!.get(key)!;
      assert.deepEqual(told({ checks: [{ ...at(key), version }], mutations: [deletion] }), expected, `release ${key}`);
    }
  }
  assert.equal(setUnwatched(connection, "watched", "value"), false);
  assert.equal(setUnwatched(connection, "other", "value"), true);
});
