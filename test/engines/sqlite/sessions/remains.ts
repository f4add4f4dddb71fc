import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { sessionFolder } from "../../../../src/engines/sqlite/file/session-folder.ts";

const TABLES = ["ipctools_session", "ipctools_key_watcher", "ipctools_range_watcher"];

/** What sessions have in the store and beside it: rows, entries bound to them, files. */
export function remainsOf(file: string): string[] {
  const db = new DatabaseSync(file, { timeout: 5000 });
  const count = (sql: string) => Number(Object.values(db.prepare(sql).get()!)[0]);
  const remains = TABLES.flatMap((table) => {
    const rows = count(`SELECT count(*) FROM ${table}`);
    return rows === 0 ? [] : [`${rows} rows in ${table}`];
  });
  const watchers = count("SELECT watchers FROM ipctools_version");
  if (watchers !== 0) remains.push(`${watchers} watchers counted`);
  for (const table of ["store", "ipctools_entry"]) {
    const bound = count(`SELECT count(*) FROM ${table} WHERE session IS NOT NULL`);
    if (bound !== 0) remains.push(`${bound} bound entries in ${table}`);
  }
  db.close();
  const folder = sessionFolder(file);
  if (fs.existsSync(folder)) remains.push(...fs.readdirSync(folder).map((name) => path.join(folder, name)));
  return remains;
}

/** Waits, ten seconds at most, until nothing is left of any session. */
export async function nothingRemains(file: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  let remains = remainsOf(file);
  while (remains.length > 0 && Date.now() < deadline) {
    await delay(20);
    remains = remainsOf(file);
  }
  assert.deepEqual(remains, []);
}
