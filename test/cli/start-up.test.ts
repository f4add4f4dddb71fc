import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { Program } from "./program.ts";

const built = path.join(import.meta.dirname, "../../dist/cli/main.cjs");

test("the built command line is one file, and get loads little more than SQLite", async (t) => {
  const program = new Program(t);
  const hook = path.join(program.folder, "hook.cjs");
  // Tells at the end what was loaded since the beginning.
  fs.writeFileSync(
    hook,
    `const before = new Set(process.moduleLoadList);
     process.on("exit", () => {
       const builtin = process.moduleLoadList.filter((name) => !before.has(name) && name.startsWith("NativeModule "));
       const files = Object.keys(require.cache).filter((file) => file !== __filename);
       require("node:fs").writeFileSync(__dirname + "/loaded.json", JSON.stringify({ builtin, files }));
     });`,
  );
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["-r", hook, built, ...args], { env: program.env, encoding: "utf8" });
  assert.equal(run("set", "a", "1").status, 0);
  assert.equal(run("get", "a").stdout, "1\n");
  const { builtin, files } = JSON.parse(fs.readFileSync(path.join(program.folder, "loaded.json"), "utf8"));
  assert.deepEqual(files, [fs.realpathSync(built)]);
  assert.ok(builtin.includes("NativeModule sqlite"));
  const heavy =
    /^NativeModule (net|child_process|worker_threads|readline|http|tls|crypto|url|stream|internal\/modules\/esm)/;
  assert.deepEqual(
    builtin.filter((name: string) => heavy.test(name)),
    [],
  );
  assert.ok(builtin.length <= 12, `loaded: ${builtin.join(", ")}`);
});

test("the built command line finds the rest of the package", async (t) => {
  const program = new Program(t);
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [built, ...args], { env: program.env, encoding: "utf8" });
  const { version } = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "../../package.json"), "utf8"));
  assert.equal(run("--version").stdout, `${version}\n`);
  run("set", "a", "1");
  assert.equal(run("wait", "a").stdout, "1\n");
  const failed = run("get", "a", "--store", path.join(program.folder, "none.db"));
  assert.deepEqual([failed.status, failed.stdout], [3, ""]);
  assert.match(failed.stderr, /^ipctools: ERR_STORE_NOT_INITIALIZED: /);
});

test("the built command line knows the errors of what it loads on demand: a timeout is status 1", async (t) => {
  const program = new Program(t);
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [built, ...args], { env: program.env, encoding: "utf8" });
  assert.deepEqual(outcome(run("wait", "none", "--timeout", "10ms")), [1, ""]);
  assert.deepEqual(outcome(run("watch", "none", "--timeout", "10ms")), [1, ""]);
  const inner = (verb: string) => [
    process.execPath,
    built,
    verb,
    "a",
    "--timeout",
    "10ms",
    "--",
    process.execPath,
    "-v",
  ];
  for (const verb of ["lock", "elect"]) assert.deepEqual(outcome(run(verb, "a", "--", ...inner(verb))), [1, ""]);
});

function outcome({ status, stderr }: { status: number | null; stderr: string }): [number | null, string] {
  return [status, stderr];
}
