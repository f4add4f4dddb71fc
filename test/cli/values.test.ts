import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { Program } from "./program.ts";

const done = { status: 0, signal: null, stdout: "", stderr: "" };

test("what one process sets another gets", async (t) => {
  const program = new Program(t);
  assert.deepEqual(await program.run(["set", "colour", "blue"]), done);
  assert.deepEqual(await program.run(["get", "colour"]), { ...done, stdout: "blue\n" });
  assert.deepEqual(await program.run(["get", "colour", "--raw"]), { ...done, stdout: "blue" });
  assert.deepEqual(await program.run(["get", "size"]), { ...done, status: 1 });
  assert.deepEqual(await program.run(["set", "colour", "red"]), done);
  assert.deepEqual(await program.run(["get", "colour"]), { ...done, stdout: "red\n" });
});

test("of many that create one key exactly one gets status 0", async (t) => {
  const program = new Program(t);
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, i) => program.run(["create", "leader", `candidate ${i}`])),
  );
  const winner = outcomes.findIndex(({ status }) => status === 0);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    outcomes.map((_, i) => (i === winner ? 0 : 1)),
  );
  assert.equal((await program.run(["get", "leader"])).stdout, `candidate ${winner}\n`);
});

test("a shell script elects a leader", { skip: process.platform === "win32" && "no sh" }, async (t) => {
  const program = new Program(t);
  const script = `ipctools() { "${process.execPath}" "${path.resolve("src/cli/main.ts")}" "$@"; }
    if ipctools create leader $$; then echo "I lead"; fi
    if ipctools create leader $$; then echo "twice"; else echo "status $?: $(ipctools get leader)"; fi
    echo $$`;
  const { stdout, status, stderr } = spawnSync("sh", ["-c", script], { env: program.env, encoding: "utf8" });
  const [first, second, pid] = stdout.split("\n");
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.equal(first, "I lead");
  assert.equal(second, `status 1: ${pid}`);
});

test("a value comes from standard input, every byte of it", async (t) => {
  const program = new Program(t);
  const value = `\ufeffline\r\nemoji 🐘\0 and ${"long ".repeat(300_000)}\n`;
  assert.deepEqual(await program.run(["set", "text", "-"], { input: value }), done);
  assert.equal((await program.run(["get", "text", "--raw"])).stdout, value);
  assert.deepEqual(await program.run(["create", "none", "-"]), done);
  assert.deepEqual(await program.run(["get", "none"]), { ...done, stdout: "\n" });
});

test("what looks like an option goes after --, numbers below zero go anywhere", async (t) => {
  const program = new Program(t);
  assert.deepEqual(await program.run(["set", "--", "--key", "-"]), done);
  assert.deepEqual(await program.run(["get", "--", "--key"]), { ...done, stdout: "-\n" });
  assert.deepEqual(await program.run(["set", "celsius", "-40"]), done);
  assert.deepEqual(await program.run(["get", "celsius"]), { ...done, stdout: "-40\n" });
  assert.deepEqual(await program.run(["set", "", ""]), done);
  assert.deepEqual(await program.run(["get", ""]), { ...done, stdout: "\n" });
});

test("a value goes when its time is over", async (t) => {
  const program = new Program(t);
  const set = await program.run(["set", "a", "1", "--ttl", "1h", "--json"]);
  assert.deepEqual(JSON.parse(set.stdout), { ok: true, key: "a", version: 1 });
  const { expires } = JSON.parse((await program.run(["get", "a", "--json"])).stdout);
  const left = Date.parse(expires) - Date.now();
  assert.ok(left > 3_500_000 && left <= 3_600_000, `${left} ms left`);
  await program.run(["set", "b", "1", "--ttl", "1ms"]);
  assert.equal((await program.run(["get", "b"])).status, 1);
});

test("delete tells whether there was something", async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "1"]);
  assert.deepEqual(await program.run(["delete", "a"]), done);
  assert.deepEqual(await program.run(["delete", "a"]), { ...done, status: 1 });
  assert.equal((await program.run(["delete", "a", "--json"])).stdout, '{"ok":false,"key":"a"}\n');
});

test("list shows keys in order, one a line whatever they hold", async (t) => {
  const program = new Program(t);
  for (const key of ["user/2", "user/1", "other", "user/line\nbreak\\", "\u{1F418}"])
    await program.run(["set", key, `value of\t${key}`]);
  assert.equal((await program.run(["list"])).stdout, "other\nuser/1\nuser/2\nuser/line\\nbreak\\\\\n\u{1F418}\n");
  assert.equal((await program.run(["list", "user/"])).stdout, "user/1\nuser/2\nuser/line\\nbreak\\\\\n");
  assert.equal((await program.run(["list", "none"])).stdout, "");
  assert.equal((await program.run(["list", "other", "--values"])).stdout, "other\tvalue of\\tother\n");
  const lines = (await program.run(["list", "user/l", "--json"])).stdout.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [{ key: "user/line\nbreak\\", value: "value of\tuser/line\nbreak\\", version: 4, createdVersion: 4 }],
  );
});

test("a listing longer than a page is whole", async (t) => {
  const program = new Program(t);
  const { openStoreSync } = await import("../../src/index.ts");
  const store = openStoreSync(program.store);
  const keys = Array.from({ length: 1203 }, (_, i) => `k${String(i).padStart(5, "0")}`);
  for (const key of keys) store.setValue(key, "");
  store.close();
  assert.equal((await program.run(["list", "k"])).stdout, `${keys.join("\n")}\n`);
});

test("JSON is one value a line", async (t) => {
  const program = new Program(t);
  assert.deepEqual(JSON.parse((await program.run(["create", "a", "1", "--json"])).stdout), {
    ok: true,
    key: "a",
    value: "1",
    version: 1,
    createdVersion: 1,
  });
  assert.deepEqual(JSON.parse((await program.run(["create", "a", "2", "--json"])).stdout), {
    ok: false,
    key: "a",
    value: "1",
    version: 1,
    createdVersion: 1,
  });
  assert.equal(
    (await program.run(["get", "a", "--json"])).stdout,
    '{"key":"a","value":"1","version":1,"createdVersion":1}\n',
  );
  assert.equal((await program.run(["get", "b", "--json"])).stdout, "null\n");
  const failed = await program.run(["get", "a", "--json", "--store", path.join(program.folder, "none.db")]);
  assert.equal(failed.status, 3);
  const { error } = JSON.parse(failed.stderr);
  assert.equal(error.code, "ERR_STORE_NOT_INITIALIZED");
  assert.equal(error.retryable, false);
});

test("info shows the store and creates nothing", async (t) => {
  const program = new Program(t);
  const before = await program.run(["info"]);
  assert.equal(before.status, 0);
  assert.match(before.stdout, /^initialized +no$/m);
  assert.equal(fs.existsSync(program.store), false);
  await program.run(["set", "a", "1"]);
  const { stdout } = await program.run(["info"]);
  for (const row of [/^location +\/.+store\.db$/m, /^engine +sqlite$/m, /^keys +1$/m, /^format +1$/m, /^bytes +\d+$/m])
    assert.match(stdout, row);
  assert.match(stdout, /^durability +\S/m);
  const info = JSON.parse((await program.run(["info", "--json"])).stdout);
  assert.deepEqual(
    [info.engine, info.location, info.keys, info.capabilities.reach],
    ["sqlite", program.store, 1, "machine"],
  );
});

test("--store takes another file, relative ones too", async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "other", "--store", "other.db"]);
  assert.equal((await program.run(["--store", path.join(program.folder, "other.db"), "get", "a"])).stdout, "other\n");
  assert.equal(fs.existsSync(program.store), false);
});
