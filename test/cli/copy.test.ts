import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";
import { openStoreSync } from "../../src/index.ts";
import { Program } from "./program.ts";

const done = { status: 0, signal: null, stdout: "", stderr: "" };

/** Keys of every kind in a store. */
function fill(file: string, count: number): Map<string, string> {
  const values = new Map<string, string>();
  for (let i = 0; i < count; i++) values.set(`key ${i} \u{1F418}\0`, `value\n${i}`);
  values.set("", "the empty key");
  values.set("large", "x".repeat(2_000_000));
  values.set("\uffee", "sorts before what is above it in UTF-8, and after it in UTF-16");
  const store = openStoreSync(file);
  for (const [key, value] of values) store.setValue(key, value);
  store.close();
  return values;
}

function contents(file: string): Map<string, string> {
  const store = openStoreSync(file);
  const entries = new Map(store.entries() as [string, string][]);
  store.close();
  return entries;
}

test("copy brings every value over and verifies it", async (t) => {
  const program = new Program(t);
  const target = path.join(program.folder, "target.db");
  const values = fill(program.store, 1000);
  const { stdout, ...rest } = await program.run(["copy", program.store, target]);
  assert.deepEqual({ ...rest, stdout: "" }, done);
  assert.equal(stdout, "copied 1003, there already 0, verified 1003\n");
  assert.deepEqual(contents(target), values);
  const again = JSON.parse((await program.run(["copy", program.store, "target.db", "--json"])).stdout);
  assert.deepEqual(again, {
    ok: true,
    copied: 0,
    present: 1003,
    different: 0,
    ephemeral: 0,
    extra: 0,
    verified: 1003,
    wrong: 0,
  });
});

test("a copy that was killed goes on where it was", async (t) => {
  const program = new Program(t);
  const values = fill(program.store, 20_000);
  const { target, keys } = await killedHalfWay(program, values.size);
  const second = JSON.parse((await program.run(["copy", program.store, target, "--json"])).stdout);
  assert.deepEqual([second.ok, second.present, second.copied], [true, keys, values.size - keys]);
  assert.deepEqual(contents(target), values);
});

/** A target to which some was copied before the copy was killed. Where it was done before that, another is tried. */
async function killedHalfWay(program: Program, size: number): Promise<{ target: string; keys: number }> {
  for (let i = 0; i < 10; i++) {
    const target = path.join(program.folder, `target-${i}.db`);
    const copy = program.start(["copy", program.store, target]);
    const engine = program.with(await openSqliteEngine(target));
    for await (const _ of engine.watch([{ prefix: "key 1" }], { from: 0 })) break;
    copy.child.kill("SIGKILL");
    await copy.outcome;
    const { keys } = await engine.info();
    assert.ok(keys > 0);
    if (keys < size) return { target, keys };
  }
  throw new Error("no copy could be killed before it was done");
}

test("what the target has with another value stays, unless it is to be overwritten", async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "1"]);
  await program.run(["set", "b", "1"]);
  await program.run(["set", "a", "theirs", "--store", "target.db"]);
  await program.run(["set", "c", "theirs", "--store", "target.db"]);
  const { stdout, stderr, status } = await program.run(["copy", program.store, "target.db"]);
  assert.equal(status, 1);
  assert.equal(stdout, "copied 1, there already 0, verified 1; 1 in TO only and left as they are\n");
  assert.match(stderr, /TO differs from FROM at "a"; --overwrite replaces them/);
  assert.equal((await program.run(["get", "a", "--store", "target.db"])).stdout, "theirs\n");
  assert.equal((await program.run(["copy", program.store, "target.db", "--overwrite"])).status, 0);
  assert.equal((await program.run(["list", "-v", "--store", "target.db"])).stdout, "a\t1\nb\t1\nc\ttheirs\n");
});

test("a prefix, a time to live, an entry of a running program, bytes", async (t) => {
  const program = new Program(t);
  const target = path.join(program.folder, "target.db");
  const engine = program.with(await openSqliteEngine(program.store));
  const session = await engine.openSession();
  await engine.commit({
    mutations: [
      { type: "set", key: "x/bytes", value: new Uint8Array([0, 255]) },
      { type: "set", key: "x/short", value: "1", ttl: 3_600_000 },
      { type: "set", key: "x/bound", value: "1", session: session.id },
      { type: "set", key: "y", value: "1" },
      { type: "set", space: "system", key: "x/system", value: "1" },
    ],
  });
  const { stdout } = await program.run(["copy", program.store, target, "--prefix", "x/"]);
  assert.equal(stdout, "copied 2, there already 0, verified 2; 1 bound to running programs and left out\n");
  const copy = program.with(await openSqliteEngine(target));
  const { entries } = await copy.list({});
  assert.deepEqual(
    entries.map(({ key }) => key),
    ["x/bytes", "x/short"],
  );
  assert.deepEqual(entries[0]!.value, new Uint8Array([0, 255]));
  const left = entries[1]!.expiresAt! - Date.now();
  assert.ok(left > 3_500_000 && left <= 3_600_000, `${left} ms left`);
  assert.deepEqual((await copy.list({ space: "system" })).entries, []);
});

test("copy refuses what makes no sense, and creates nothing", async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "1"]);
  const refusals: [args: string[], status: number, says: RegExp][] = [
    [["none.db", "target.db"], 3, /ERR_STORE_NOT_INITIALIZED.*none\.db/],
    [[program.store], 2, /copy needs FROM TO/],
    [[program.store, "./store.db"], 2, /two stores; both are/],
    [[program.store, ""], 2, /TO must be a path or a URL/],
    [["", program.store], 2, /FROM must be a path or a URL/],
    [[program.store, "target.db", "--store", "x.db"], 2, /copy takes no --store/],
  ];
  for (const [args, status, says] of refusals) {
    const outcome = await program.run(["copy", ...args]);
    assert.equal(outcome.status, status);
    assert.match(outcome.stderr, says);
  }
  assert.deepEqual(
    fs.readdirSync(program.folder).filter((name) => !name.startsWith("store.db")),
    [],
  );
});

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
