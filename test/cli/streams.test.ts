import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { test } from "node:test";
import { openStoreSync } from "../../src/index.ts";
import { Program } from "./program.ts";

const main = path.resolve("src/cli/main.ts");
const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux");
const ESCAPE = "\u001b[";

/** What a verb prints on a terminal. */
function onTerminal(program: Program, args: string, env: NodeJS.ProcessEnv = {}): string {
  const command = `"${process.execPath}" "${main}" ${args}`;
  const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
    env: { ...program.env, TERM: "xterm", ...env },
    encoding: "utf8",
    input: "",
  });
  return stdout;
}

test("colours only on a terminal", {
  skip: !hasScript && "no script(1) of util-linux to make a terminal",
}, async (t) => {
  const program = new Program(t);
  assert.equal((await program.run(["info"])).stdout.includes(ESCAPE), false);
  assert.equal((await program.run(["--help"])).stdout.includes(ESCAPE), false);
  assert.equal((await program.run(["frob"])).stderr.includes(ESCAPE), false);
  assert.equal(onTerminal(program, "info").includes(ESCAPE), true);
  assert.equal(onTerminal(program, "--help").includes(ESCAPE), true);
  assert.equal(onTerminal(program, "frob").includes(ESCAPE), true);
  assert.equal(onTerminal(program, "info", { NO_COLOR: "1" }).includes(ESCAPE), false);
  assert.equal(onTerminal(program, "info", { TERM: "dumb" }).includes(ESCAPE), false);
  assert.equal((await program.run(["info"], { env: { FORCE_COLOR: "1" } })).stdout.includes(ESCAPE), true);
});

test("a value is never coloured", {
  skip: !hasScript && "no script(1) of util-linux to make a terminal",
}, async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "plain"]);
  assert.equal(onTerminal(program, "get a"), "plain\r\n");
});

test("a reader that goes away ends the listing quietly", {
  skip: process.platform === "win32" && "no sh",
}, async (t) => {
  const program = new Program(t);
  const store = openStoreSync(program.store);
  for (let i = 0; i < 2000; i++) store.setValue(`key ${i}`, "x".repeat(100));
  store.close();
  const script = `{ "${process.execPath}" "${main}" list --values; echo "status $?" >&2; } | head -n 1`;
  const { stdout, stderr } = spawnSync("sh", ["-c", script], { env: program.env, encoding: "utf8" });
  assert.equal(stdout, `key 0\t${"x".repeat(100)}\n`);
  assert.equal(stderr, "status 141\n");
});

test("standard error that is closed, or standard output, is no crash", {
  skip: process.platform === "win32" && "no sh",
}, async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "1"]);
  const run = (words: string) =>
    spawnSync("sh", ["-c", `"${process.execPath}" "${main}" ${words}`], { env: program.env, encoding: "utf8" });
  assert.equal(run("get b 2>&-").status, 1);
  assert.equal(run("frob 2>&-").status, 2);
  assert.equal(run("set a 2 >&-").status, 0);
  assert.equal(run("get a").stdout, "2\n");
});

test("a full disk under standard output is told", {
  skip: process.platform !== "linux" && "no /dev/full",
}, async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "1"]);
  const { status, stderr } = spawnSync("sh", ["-c", `"${process.execPath}" "${main}" get a >/dev/full`], {
    env: program.env,
    encoding: "utf8",
  });
  assert.equal(status, 3);
  assert.match(stderr, /ENOSPC/);
});
