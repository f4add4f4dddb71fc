import * as assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import { Program } from "./program.ts";

test("backup writes a copy that is a store, and refuses a file that exists", async (t) => {
  const program = new Program(t);
  assert.equal((await program.run(["backup", "copy.db"])).status, 3);
  await program.run(["set", "a", "1"]);
  const copy = path.join(program.folder, "copy.db");
  assert.deepEqual(await program.run(["backup", "copy.db"]), {
    status: 0,
    signal: null,
    stdout: `${copy}\n`,
    stderr: "",
  });
  assert.equal((await program.run(["get", "a", "--store", "copy.db"])).stdout, "1\n");
  const again = await program.run(["backup", "copy.db"]);
  assert.equal(again.status, 3);
  assert.match(again.stderr, /ERR_STORE_IO.*exists/);
  const other = path.join(program.folder, "other.db");
  const { stdout } = await program.run(["backup", other, "--json", "--store", "copy.db"]);
  assert.deepEqual(JSON.parse(stdout), { ok: true, file: other });
});
