import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Program } from "./program.ts";

const node = process.execPath;

/** The verbs on a store that a server keeps: each works as on a file. `open` gives the URL of one that nobody has used. */
export function everyVerb(engine: string, open: () => string): void {
  const onServer = (t: TestContext) => {
    const program = new Program(t);
    const url = open();
    const run = (...args: string[]) => program.run([...args, "--store", url]);
    const start = (verb: string, ...args: string[]) => program.start([verb, "--store", url, ...args]);
    return { program, url, run, start };
  };

  test("values", async (t) => {
    const { run } = onServer(t);
    for (const verb of ["get", "delete", "list"]) {
      const { status, stderr } = await run(verb, ...(verb === "list" ? [] : ["a"]));
      assert.equal(status, 3);
      assert.match(stderr, /ERR_STORE_NOT_INITIALIZED/);
    }
    assert.match((await run("info")).stdout, /^initialized +no$/m);
    assert.equal((await run("create", "a", "1")).status, 0);
    assert.equal((await run("create", "a", "2")).status, 1);
    assert.equal((await run("set", "b", "two")).status, 0);
    assert.equal((await run("get", "a")).stdout, "1\n");
    assert.equal((await run("get", "c")).status, 1);
    assert.equal((await run("list", "-v")).stdout, "a\t1\nb\ttwo\n");
    assert.equal((await run("delete", "a")).status, 0);
    assert.equal((await run("delete", "a")).status, 1);
    const backup = await run("backup", "copy.db");
    assert.equal(backup.status, 3);
    assert.match(backup.stderr, /ERR_STORE_UNSUPPORTED.*ipctools copy/);
    const info = JSON.parse((await run("info", "--json")).stdout);
    assert.deepEqual([info.engine, info.keys, info.capabilities.reach], [engine, 1, "network"]);
  });

  test("watch and wait", async (t) => {
    const { run, start } = onServer(t);
    await run("set", "a", "1");
    const watch = start("watch", "a", "--current", "--count", "3");
    await watch.prints(/set\ta\t1\n/);
    const wait = start("wait", "b");
    await run("set", "a", "2");
    await run("set", "b", "came");
    await run("delete", "a");
    assert.equal((await wait.outcome).stdout, "came\n");
    assert.deepEqual(await watch.outcome, {
      status: 0,
      signal: null,
      stdout: "set\ta\t1\nset\ta\t2\ndelete\ta\n",
      stderr: "",
    });
    assert.equal((await run("wait", "c", "--timeout", "50ms")).status, 1);
  });

  test("lock, elect, once, locks", async (t) => {
    const { run, start } = onServer(t);
    const holds =
      "console.log('runs', process.env.IPCTOOLS_TOKEN); process.stdin.resume(); setInterval(() => {}, 1000)";
    const holder = start("lock", "a", "--", node, "-e", holds);
    const [, token] = await holder.prints(/runs (\d+)\n/);
    assert.equal((await start("lock", "a", "-n", "--", node, "-e", "0").outcome).status, 1);
    const { held } = JSON.parse((await run("locks", "--json")).stdout);
    assert.deepEqual([held[0].pid, String(held[0].token)], [holder.pid, token]);
    const next = start("lock", "a", "--", node, "-p", "process.env.IPCTOOLS_TOKEN");
    holder.child.kill("SIGTERM");
    assert.equal((await holder.outcome).status, 143);
    assert.ok(Number((await next.outcome).stdout) > Number(token));
    const leader = await start("elect", "a", "--", node, "-e", "process.exit(4)").outcome;
    assert.equal(leader.status, 4);
    for (const _ of ["runs", "is kept"])
      assert.equal((await start("once", "a", "--", node, "-p", "process.env.IPCTOOLS_TOKEN").outcome).status, 0);
    assert.equal((await run("once", "a", "--forget")).status, 0);
  });

  test("copy, there and back", async (t) => {
    const { program, url } = onServer(t);
    for (const key of ["a", "b", "c"]) await program.run(["set", key, `value of ${key}`]);
    assert.equal((await program.run(["copy", program.store, url])).stdout, "copied 3, there already 0, verified 3\n");
    assert.equal((await program.run(["copy", url, "back.db"])).stdout, "copied 3, there already 0, verified 3\n");
    assert.equal(
      (await program.run(["list", "-v", "--store", "back.db"])).stdout,
      "a\tvalue of a\nb\tvalue of b\nc\tvalue of c\n",
    );
  });
}
