import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { systemPrefix } from "../../src/coordination/common/system-key.ts";
import type { Engine } from "../../src/engine/contract.ts";
import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";
import { Program, type Running } from "./program.ts";

const node = process.execPath;
const leads = `process.on("SIGTERM", () => { console.log("SIGTERM"); process.exit(5); });
  console.log("leads", process.env.IPCTOOLS_TOKEN);
  setInterval(() => {}, 1000);`;

async function tokenOf(candidate: Running): Promise<number> {
  return Number((await candidate.prints(/leads (\d+)\n/))[1]);
}

test("one leads; when its command ends the next one does", async (t) => {
  const program = new Program(t);
  const first = program.start(["elect", "a", "--", node, "-e", leads]);
  const token = await tokenOf(first);
  const second = program.start(["elect", "a", "--", node, "-e", leads]);
  const late = await program.run(["elect", "a", "--timeout", "100ms", "--", node, "-e", leads]);
  assert.deepEqual(late, { status: 1, signal: null, stdout: "", stderr: "" });
  assert.equal(second.stdout, "");
  first.child.kill("SIGTERM");
  const { status, stdout } = await first.outcome;
  assert.deepEqual([status, stdout], [5, `leads ${token}\nSIGTERM\n`]);
  assert.ok((await tokenOf(second)) > token);
  second.child.kill("SIGTERM");
  assert.equal((await second.outcome).status, 5);
});

test("when the leader is killed with SIGKILL another takes over", async (t) => {
  const program = new Program(t);
  const first = program.start(["elect", "a", "--", node, "-e", leads]);
  const token = await tokenOf(first);
  const others = [1, 2].map(() => program.start(["elect", "a", "--", node, "-e", leads]));
  first.child.kill("SIGKILL");
  const next = await Promise.race(others.map(async (other) => ({ other, token: await tokenOf(other) })));
  assert.ok(next.token > token);
  next.other.child.kill("SIGTERM");
  await next.other.outcome;
  const last = others.find((other) => other !== next.other)!;
  assert.ok((await tokenOf(last)) > next.token);
  last.child.kill("SIGTERM");
  await last.outcome;
});

test("a leader that loses its leadership stops its command and stands again", async (t) => {
  const program = new Program(t);
  const leader = program.start(["elect", "a", "--", node, "-e", leads]);
  await tokenOf(leader);
  for (const file of ["store.db", "store.db-wal", "store.db-shm"])
    fs.rmSync(`${program.folder}/${file}`, { force: true });
  await leader.prints(/leads \d+\nSIGTERM\nleads \d+\n/);
  assert.match(leader.stderr, /leadership of "a" was lost .*: the command gets SIGTERM\nipctools: standing again\n/);
  leader.child.kill("SIGTERM");
  assert.equal((await leader.outcome).status, 5);
});

test("a signal ends one that stands by, which then stands no more", async (t) => {
  const program = new Program(t);
  const first = program.start(["elect", "a", "--", node, "-e", leads]);
  await tokenOf(first);
  const second = program.start(["elect", "a", "--", node, "-e", leads]);
  const engine = program.with(await openSqliteEngine(program.store));
  await candidates(engine, 2);
  const third = await program.run(["elect", "a", "--timeout", "300ms", "--", node, "-e", leads]);
  assert.equal(third.status, 1);
  second.child.kill("SIGTERM");
  const { signal, stdout } = await second.outcome;
  assert.deepEqual([signal, stdout], ["SIGTERM", ""]);
  await candidates(engine, 1);
  first.child.kill("SIGTERM");
  await first.outcome;
});

/** Waits until this many stand for the leadership of "a", the leader included. */
async function candidates(engine: Engine, count: number): Promise<void> {
  const range = { space: "system", prefix: systemPrefix("election", "a") } as const;
  for (;;) {
    const { entries, version } = await engine.list(range);
    if (entries.filter(({ session }) => session !== undefined).length === count) return;
    for await (const _ of engine.watch([range], { from: version })) break;
  }
}
