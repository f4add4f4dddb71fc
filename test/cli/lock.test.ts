import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { LockClient } from "../../src/coordination/locks/client.ts";
import { openStoreSync } from "../../src/index.ts";
import { participate } from "../fixtures/participant.ts";
import { Program } from "./program.ts";

const node = process.execPath;
/** A command that says that it runs, tells which signals it gets, and ends with status 5 when it has got `SIGTERM`. */
const tells = `for (const name of ["SIGINT", "SIGHUP", "SIGUSR2"]) process.on(name, () => console.log(name));
  process.on("SIGTERM", () => { console.log("SIGTERM"); process.exit(5); });
  console.log("runs", process.env.IPCTOOLS_TOKEN);
  setInterval(() => {}, 1000);`;

test("the command runs with the lock; its status, output and environment are its own", async (t) => {
  const program = new Program(t);
  const script = "console.log(process.env.IPCTOOLS_TOKEN, process.env.IPCTOOLS_OWNER_DIED); process.exit(7)";
  const first = await program.run(["lock", "a", "--", node, "-e", script]);
  assert.deepEqual([first.status, first.stderr], [7, ""]);
  const [, token] = /^(\d+) undefined\n$/.exec(first.stdout)!;
  const second = await program.run(["lock", "a", "--", node, "-e", script]);
  assert.ok(Number.parseInt(second.stdout, 10) > Number(token), "tokens grow");
  const input = await program.run(["lock", "a", "--", "cat"], { input: "from standard input" });
  assert.deepEqual(input, { status: 0, signal: null, stdout: "from standard input", stderr: "" });
});

test("the options before -- are ours, those after it the command's", async (t) => {
  const program = new Program(t);
  const { stdout } = await program.run([
    "lock",
    "-s",
    "a",
    "--",
    node,
    "-p",
    "process.argv.slice(1).join()",
    "--",
    "--help",
    "-x",
  ]);
  assert.equal(stdout, "--help,-x\n");
});

test("a command that cannot be run, or that a signal ends, gives a shell's status", async (t) => {
  const program = new Program(t);
  const missing = await program.run(["lock", "a", "--", "no-such-command"]);
  assert.equal(missing.status, 127);
  assert.match(missing.stderr, /no command "no-such-command": check its name and PATH/);
  const file = path.join(program.folder, "plain.txt");
  fs.writeFileSync(file, "");
  assert.equal((await program.run(["lock", "a", "--", file])).status, 126);
  const killed = await program.run(["lock", "a", "--", node, "-e", "process.kill(process.pid, 'SIGKILL')"]);
  assert.equal(killed.status, 128 + os.constants.signals.SIGKILL);
});

test("of commands that count without care under one lock no count is lost", async (t) => {
  const program = new Program(t);
  const file = path.join(program.folder, "count");
  fs.writeFileSync(file, "0");
  const script = `const fs = require("fs"); const n = Number(fs.readFileSync("count", "utf8")); fs.writeFileSync("count", "");
    setTimeout(() => fs.writeFileSync("count", String(n + 1)), 5)`;
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () => program.run(["lock", "a", "--", node, "-e", script])),
  );
  for (const outcome of outcomes) assert.deepEqual(outcome, { status: 0, signal: null, stdout: "", stderr: "" });
  assert.equal(fs.readFileSync(file, "utf8"), "8");
});

test("a taken lock: at once, after a time, with another status, shared", async (t) => {
  const program = new Program(t);
  const holder = program.start(["lock", "a", "--shared", "--", node, "-e", tells]);
  await holder.prints(/runs/);
  const never = ["--", node, "-e", "console.log('never')"];
  for (const [options, status] of [
    [["--no-wait"], 1],
    [["-n", "-E", "75"], 75],
    [["--timeout", "50ms"], 1],
    [["--timeout", "50ms", "--conflict-status", "9"], 9],
  ] as const)
    assert.deepEqual(await program.run(["lock", "a", ...options, ...never]), {
      status,
      signal: null,
      stdout: "",
      stderr: "",
    });
  assert.equal((await program.run(["lock", "a", "-s", "-n", "--", node, "-p", "1"])).stdout, "1\n");
  holder.child.kill("SIGTERM");
  assert.equal((await holder.outcome).status, 5);
  assert.equal((await program.run(["lock", "a", "-n", "--", node, "-p", "1"])).stdout, "1\n");
});

test("signals are passed on, and the lock is held until the command has ended", async (t) => {
  const program = new Program(t);
  const holder = program.start(["lock", "a", "--", node, "-e", tells]);
  await holder.prints(/runs/);
  for (const name of ["SIGINT", "SIGHUP", "SIGUSR2"] as const) {
    holder.child.kill(name);
    await holder.prints(new RegExp(name));
  }
  assert.equal((await program.run(["lock", "a", "-n", "--", "true"])).status, 1);
  holder.child.kill("SIGTERM");
  const { status, signal, stdout } = await holder.outcome;
  assert.deepEqual([status, signal], [5, null]);
  assert.match(stdout, /^runs \d+\nSIGINT\nSIGHUP\nSIGUSR2\nSIGTERM\n$/);
  assert.equal((await program.run(["lock", "a", "-n", "--", "true"])).status, 0);
});

test("a signal that comes as soon as the command has begun is the command's", async (t) => {
  const program = new Program(t);
  const script = `trap "exit 7" TERM; kill -TERM $PPID; while :; do sleep 0.01; done`;
  for (const verb of ["lock", "elect", "once"]) {
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, (_, i) => program.run([verb, `${verb}-${i}`, "--", "sh", "-c", script])),
    );
    for (const outcome of outcomes) assert.deepEqual(outcome, { status: 7, signal: null, stdout: "", stderr: "" });
  }
});

test("a signal ends one that waits, who leaves the queue", async (t) => {
  const program = new Program(t);
  const holder = program.start(["lock", "a", "--", node, "-e", tells]);
  await holder.prints(/runs/);
  const waiter = program.start(["lock", "a", "--", node, "-e", tells]);
  await untilLocks(program, (lines) => lines[0]?.waiting.length === 1);
  waiter.child.kill("SIGINT");
  assert.deepEqual(await waiter.outcome, { status: null, signal: "SIGINT", stdout: "", stderr: "" });
  await untilLocks(program, (lines) => lines[0]?.waiting.length === 0);
  holder.child.kill("SIGTERM");
  await holder.outcome;
});

test("killing the holder with SIGKILL frees the lock, and the next one is told", async (t) => {
  const program = new Program(t);
  const holder = program.start(["lock", "a", "--", node, "-e", tells]);
  await holder.prints(/runs/);
  const next = program.start(["lock", "a", "--", node, "-p", "process.env.IPCTOOLS_OWNER_DIED"]);
  await untilLocks(program, (lines) => lines[0]?.waiting.length === 1);
  holder.child.kill("SIGKILL");
  assert.deepEqual(await next.outcome, { status: 0, signal: null, stdout: "1\n", stderr: "" });
});

test("a lock that is lost: the command is told by a signal, and the status is no success", async (t) => {
  const program = new Program(t);
  for (const [options, name, says] of [
    [[], "SIGTERM", 5],
    [["--signal", "usr2", "--kill-after", "50ms"], "SIGUSR2", 128 + os.constants.signals.SIGKILL],
  ] as const) {
    const holder = program.start(["lock", "a", ...options, "--", node, "-e", tells]);
    await holder.prints(/runs/);
    // With its file a store loses its sessions.
    for (const file of ["store.db", "store.db-wal", "store.db-shm"])
      fs.rmSync(path.join(program.folder, file), { force: true });
    const { status, stdout, stderr } = await holder.outcome;
    assert.match(stdout, new RegExp(`^runs \\d+\n${name}\n`));
    assert.match(stderr, new RegExp(`the lock "a" was lost .*: the command gets ${name}`));
    assert.equal(status, says);
  }
  const calm = "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000); console.log('runs')";
  const holder = program.start(["lock", "a", "--", node, "-e", calm]);
  await holder.prints(/runs/);
  fs.rmSync(program.store);
  assert.equal((await holder.outcome).status, 3);
});

test("the command's own ipctools uses the same store", async (t) => {
  const program = new Program(t);
  const main = path.join(import.meta.dirname, "../../src/cli/main.ts");
  await program.run(["lock", "a", "--store", "other.db", "--", node, main, "set", "inner", "1"]);
  assert.equal((await program.run(["get", "inner", "--store", "other.db"])).stdout, "1\n");
  assert.equal(fs.existsSync(program.store) && openStoreSync(program.store).tryGetValue("inner") !== undefined, false);
});

test("locks shows holders and waiters in their order", async (t) => {
  const program = new Program(t);
  assert.equal((await program.run(["locks"])).stdout, "");
  const main = path.join(import.meta.dirname, "../../src/cli/main.ts");
  const inner = (name: string) => [node, main, "lock", name, "--", node, "-e", "0"];
  const holder = program.start(["lock", "a", "--", node, "-e", tells]);
  await holder.prints(/runs/);
  const waiter = program.start(["lock", "a", "-s", "--", ...inner("b")]);
  const [lock] = await untilLocks(program, (lines) => lines[0]?.waiting.length === 1);
  assert.equal(lock!.name, "a");
  assert.deepEqual([lock!.held[0]!.pid, lock!.held[0]!.mode], [holder.pid, "exclusive"]);
  assert.deepEqual([lock!.waiting[0]!.pid, lock!.waiting[0]!.mode], [waiter.pid, "shared"]);
  const { stdout } = await program.run(["locks", "a"]);
  const [head, first, second, ...more] = stdout.trimEnd().split("\n");
  assert.match(head!, /^LOCK +STATE +MODE +SINCE +PROCESS +COMMAND$/);
  assert.match(first!, new RegExp(`^a +held +exclusive +\\d{4}-.*Z +${holder.pid}@\\S+ +.*lock a`));
  assert.match(second!, new RegExp(`^a +waits +shared +\\d{4}-.*Z +${waiter.pid}@\\S+ +.*lock a -s`));
  assert.deepEqual(more, []);
  assert.equal((await program.run(["locks", "none"])).stdout, "");
  holder.child.kill("SIGTERM");
  await Promise.all([holder.outcome, waiter.outcome]);
});

test("locks shows a deadlock", async (t) => {
  const program = new Program(t);
  const [one, two] = await Promise.all(
    ["a", "b"].map(async (name) => {
      const client = new LockClient(await participate(program.store));
      program.with(client.participant.engine);
      await client.lock(name);
      return client;
    }),
  );
  const calm = await program.run(["locks"]);
  assert.doesNotMatch(calm.stdout, /deadlock/);
  const waits = [one!.lock("b"), two!.lock("a")].map((wait) => assert.rejects(wait));
  await one!.entered();
  await two!.entered();
  const { stdout } = await program.run(["locks"]);
  const { pid } = process;
  assert.match(
    stdout,
    new RegExp(`\ndeadlock: .*\n  ${pid}@\\S+ waits for "[ab]", which ${pid}@\\S+ has\n.*"[ab]".*\n$`),
  );
  const lines = (await program.run(["locks", "--json"])).stdout.trimEnd().split("\n");
  const { deadlock } = JSON.parse(lines.at(-1)!);
  assert.deepEqual(deadlock.map(({ waiter }: { waiter: { name: string } }) => waiter.name).sort(), ["a", "b"]);
  await program.close();
  await Promise.all(waits);
});

interface Party {
  pid: number;
  mode: string;
}

/** What `locks --json` says once it is as wished. */
async function untilLocks(
  program: Program,
  isIt: (lines: { name: string; held: Party[]; waiting: Party[] }[]) => boolean,
): Promise<{ name: string; held: Party[]; waiting: Party[] }[]> {
  for (;;) {
    const { stdout, stderr } = await program.run(["locks", "--json"]);
    assert.equal(stderr, "");
    const lines = stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    if (isIt(lines)) return lines;
  }
}
