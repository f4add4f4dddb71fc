import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Peer } from "../peer.ts";

/** What everybody's plain statements are: no version, no watchers, no check that the file is still there. */
export const PLAIN = {
  pragmas: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
  table: "CREATE TABLE IF NOT EXISTS plain (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
  set: "INSERT INTO plain (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  get: "SELECT value FROM plain WHERE key = ?",
  create: "INSERT OR IGNORE INTO plain (key, value) VALUES (?, ?)",
};

/** `node:sqlite` used plainly: prepared statements, SQLite's default page size and busy handler. */
export const nodeSqlite: Peer = {
  name: "node-sqlite",
  title: "node:sqlite, plain statements",
  does: ["set", "get", "create"],
  open({ folder }) {
    const db = new DatabaseSync(path.join(folder, "plain.db"), { timeout: 10_000 });
    db.exec(`${PLAIN.pragmas}; ${PLAIN.table}`);
    const [set, get, create] = [db.prepare(PLAIN.set), db.prepare(PLAIN.get), db.prepare(PLAIN.create)];
    return {
      set: (key, value) => set.run(key, value),
      get: (key) => (get.get(key) as { value: string }).value,
      create: (key, value) => create.run(key, value).changes === 1,
      close: () => db.close(),
    };
  },
};
