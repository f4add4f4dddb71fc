import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { Program } from "./program.ts";

test("watch prints each change of a key as it happens", async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "1"]);
  const watch = program.start(["watch", "a", "--current", "--count", "4"]);
  await watch.prints(/^set\ta\t1\n/);
  await program.run(["set", "other", "x"]);
  await program.run(["set", "a", "two\nlines"]);
  await watch.prints(/two/);
  await program.run(["delete", "a"]);
  await watch.prints(/delete/);
  await program.run(["create", "a", "3"]);
  assert.deepEqual(await watch.outcome, {
    status: 0,
    signal: null,
    stdout: "set\ta\t1\nset\ta\ttwo\\nlines\ndelete\ta\nset\ta\t3\n",
    stderr: "",
  });
});

test("watch --prefix --json tells the versions, from which it goes on", async (t) => {
  const program = new Program(t);
  await program.run(["set", "user/1", "Ada"]);
  const watch = program.start(["watch", "-p", "user/", "--current", "--json", "--count", "2"]);
  await watch.prints(/Ada/);
  await program.run(["set", "user/2", "Grace"]);
  const lines = (await watch.outcome).stdout.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { type: "set", key: "user/1", value: "Ada", version: 1, createdVersion: 1 },
      { type: "set", key: "user/2", value: "Grace", version: 2, createdVersion: 2 },
    ],
  );
  await program.run(["set", "user/1", "Ada L."]);
  await program.run(["set", "nobody", ""]);
  const resumed = await program.run(["watch", "--prefix", "user/", "--from", "1", "--count", "2"]);
  assert.equal(resumed.stdout, "set\tuser/2\tGrace\nset\tuser/1\tAda L.\n");
});

test("watch ends with status 1 when its time is over, and by a signal as any program", async (t) => {
  const program = new Program(t);
  assert.deepEqual(await program.run(["watch", "a", "--timeout", "50ms"]), {
    status: 1,
    signal: null,
    stdout: "",
    stderr: "",
  });
  await program.run(["set", "a", "1"]);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const watch = program.start(["watch", "a", "--current"]);
    await watch.prints(/set/);
    watch.child.kill(signal);
    assert.deepEqual(await watch.outcome, { status: null, signal, stdout: "set\ta\t1\n", stderr: "" });
  }
});

test("a watch whose reader went away ends at the next change", async (t) => {
  const program = new Program(t);
  await program.run(["set", "a", "1"]);
  const watch = program.start(["watch", "a", "--current"]);
  await watch.prints(/set/);
  watch.child.stdout!.destroy();
  await program.run(["set", "a", "2"]);
  const { status, stderr } = await watch.outcome;
  assert.deepEqual([status, stderr], [141, ""]);
});

test("wait returns when the key comes, or at once if it is there", async (t) => {
  const program = new Program(t);
  const wait = program.start(["wait", "ready"]);
  await program.run(["set", "other", "x"]);
  assert.equal(wait.hasEnded, false);
  await program.run(["set", "ready", "yes"]);
  assert.deepEqual(await wait.outcome, { status: 0, signal: null, stdout: "yes\n", stderr: "" });
  assert.equal((await program.run(["wait", "ready"])).stdout, "yes\n");
  assert.equal(JSON.parse((await program.run(["wait", "ready", "--json"])).stdout).version, 2);
});

test("wait for a value, and for a key to go", async (t) => {
  const program = new Program(t);
  await program.run(["set", "state", "starting"]);
  const started = program.start(["wait", "state", "started"]);
  const gone = program.start(["wait", "state", "--gone"]);
  const late = await program.run(["wait", "state", "started", "--timeout", "50ms"]);
  assert.deepEqual(late, { status: 1, signal: null, stdout: "", stderr: "" });
  assert.equal((await program.run(["wait", "state", "--gone", "--timeout", "50ms", "--json"])).stdout, "null\n");
  await program.run(["set", "state", "started"]);
  assert.deepEqual(await started.outcome, { status: 0, signal: null, stdout: "", stderr: "" });
  await program.run(["delete", "state"]);
  assert.deepEqual(await gone.outcome, { status: 0, signal: null, stdout: "", stderr: "" });
});

test("a password is not in the title of a program", { skip: process.platform !== "linux" && "no /proc" }, async (t) => {
  const program = new Program(t);
  const key = "http://user:s3cret@host/";
  await program.run(["set", key, "1"]);
  const watch = program.start(["watch", key, "--current"]);
  await watch.prints(/set/);
  const title = fs.readFileSync(`/proc/${watch.pid}/cmdline`, "utf8");
  assert.match(title, /ipctools watch http:\/\/user:\*\*\*@host\/ --current/);
});
