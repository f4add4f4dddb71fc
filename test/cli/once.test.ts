import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { Program } from "./program.ts";

const node = process.execPath;
/** Notes that it runs, prints to both streams, and ends with a status when the file "go" is there. */
const runs = (status: number) => `const fs = require("fs");
  fs.appendFileSync("runs", process.pid + "\\n");
  console.log("out"); console.error("err"); process.stdout.write(Buffer.from([0, 255]));
  const timer = setInterval(() => { if (fs.existsSync("go")) { clearInterval(timer); process.exitCode = ${status}; } }, 5);`;

function runsOf(program: Program): number {
  const file = path.join(program.folder, "runs");
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trimEnd().split("\n").length : 0;
}

test("one runs the command, all get its output and status", async (t) => {
  const program = new Program(t);
  const all = Array.from({ length: 5 }, () => program.start(["once", "a", "--", node, "-e", runs(0)]));
  await Promise.any(all.map((one) => one.prints(/out/)));
  fs.writeFileSync(path.join(program.folder, "go"), "");
  for (const { status, stdout, stderr } of await Promise.all(all.map(({ outcome }) => outcome)))
    assert.deepEqual([status, stdout, stderr], [0, "out\n\0\ufffd", "err\n"]);
  assert.equal(runsOf(program), 1);
  assert.equal((await program.run(["once", "a", "--", node, "-e", runs(0)])).stdout, "out\n\0\ufffd");
  assert.equal(runsOf(program), 1);
  assert.equal((await program.run(["once", "a", "--forget"])).status, 0);
  assert.equal((await program.run(["once", "a", "--forget"])).status, 1);
  await program.run(["once", "a", "--ttl", "1ms", "--", node, "-e", runs(0)]);
  await program.run(["once", "a", "--", node, "-e", runs(0)]);
  assert.equal(runsOf(program), 3);
});

test("a failure is kept for those who wait, and later only if it is to be", async (t) => {
  const program = new Program(t);
  const runner = program.start(["once", "a", "--", node, "-e", runs(9)]);
  await runner.prints(/out/);
  const late = await program.run(["once", "a", "--timeout", "50ms", "--", node, "-e", runs(0)]);
  assert.deepEqual([late.status, late.stdout], [1, ""]);
  fs.writeFileSync(path.join(program.folder, "go"), "");
  assert.equal((await runner.outcome).status, 9);
  const kept = await program.run(["once", "a", "--cache-failures", "--", node, "-e", runs(8)]);
  assert.equal(kept.status, 8);
  const { status, stdout, stderr } = await program.run(["once", "a", "--", node, "-e", runs(0)]);
  assert.deepEqual([status, stdout, stderr], [8, "out\n\0\ufffd", "err\n"]);
  assert.equal(runsOf(program), 2);
});

test("if the one that runs it is killed or called off, another runs it anew", async (t) => {
  const program = new Program(t);
  const first = program.start(["once", "a", "--", node, "-e", runs(0)]);
  await first.prints(/out/);
  const second = program.start(["once", "a", "--", node, "-e", runs(0)]);
  first.child.kill("SIGKILL");
  await first.ended;
  await second.prints(/out/);
  // The killed one's command runs on: it sees "go", too.
  const third = program.start(["once", "a", "--", node, "-e", runs(0)]);
  second.child.kill("SIGTERM");
  assert.equal((await second.outcome).status, 143);
  await third.prints(/out/);
  fs.writeFileSync(path.join(program.folder, "go"), "");
  assert.equal((await third.outcome).status, 0);
  assert.equal(runsOf(program), 3);
});

test("once without a command is a mistake", async (t) => {
  const program = new Program(t);
  for (const args of [
    ["once", "a"],
    ["once", "a", "--forget", "--", "true"],
  ]) {
    const { status, stderr } = await program.run(args);
    assert.equal(status, 2);
    assert.match(stderr, /either a command after -- or --forget/);
  }
  assert.equal(fs.existsSync(program.store), false);
});
