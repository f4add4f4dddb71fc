import * as assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openStoreSync } from "../../../../src/index.ts";
import { ended, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const WRITERS = 8;
const KEYS = 3000;
const KILL_INTERVAL = 50;

test(`every acknowledged write of ${WRITERS} processes is there, though one of them is killed every ${KILL_INTERVAL} ms`, async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const journalOf = (name: string) => path.join(folder, `${name}.log`);
  const acknowledgedOf = (name: string) => {
    const text = fs.existsSync(journalOf(name)) ? fs.readFileSync(journalOf(name), "utf8") : "";
    return text.split("\n").slice(0, -1).map(Number);
  };
  const names = Array.from({ length: WRITERS }, (_, i) => `writer ${i}`);
  const running = new Map<string, ChildProcess>();
  const begin = (name: string) => {
    const next = (acknowledgedOf(name).at(-1) ?? -1) + 1;
    if (next >= KEYS) return;
    const program = path.join(import.meta.dirname, "diligent-writer.ts");
    const child = start(t, program, file, name, journalOf(name), String(next), String(KEYS - 1));
    running.set(name, child);
    child.once("exit", (code, signal) => {
      running.delete(name);
      assert.ok(code === 0 || signal === "SIGKILL", `${name} ended with ${code ?? signal}`);
    });
  };
  for (const name of names) begin(name);
  let kills = 0;
  for (let turn = 0; names.some((name) => acknowledgedOf(name).length < KEYS); turn++) {
    await delay(KILL_INTERVAL);
    const name = names[turn % WRITERS]!;
    const victim = running.get(name);
    if (victim === undefined) continue;
    // One that has written nothing yet would be killed before its first write again and again.
    if (acknowledgedOf(name).length < KEYS && turn < 5 * WRITERS) {
      victim.kill("SIGKILL");
      await ended(victim);
      kills++;
      begin(name);
    }
  }
  await Promise.all([...running.values()].map(ended));
  t.diagnostic(`${kills} kills`);
  assert.ok(kills >= WRITERS, "too few kills to prove anything");

  const store = openStoreSync(file);
  for (const name of names)
    for (const i of acknowledgedOf(name)) assert.equal(store.getValue(`${name}/${i}`), `value ${i}`);
  assert.equal(store.keys("writer ").length, WRITERS * KEYS);
  store.close();
  const db = new DatabaseSync(file);
  assert.deepEqual(
    db
      .prepare("PRAGMA integrity_check")
      .all()
      .map((row) => row.integrity_check),
    ["ok"],
  );
  db.close();
});
