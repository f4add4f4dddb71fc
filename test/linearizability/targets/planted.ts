import { DatabaseSync } from "node:sqlite";
import type { Target } from "./target.ts";

/** What is wrong with a planted store. */
export type Fault = "none" | "stale-read" | "lost-update" | "double-create";

/** How long a stale value is kept, in milliseconds. */
const STALE = 20;

/** A small store of its own on `node:sqlite`, right or with a planted fault: what the recorder and checker must tell apart. */
export function plantedTarget(path: string, fault: Fault): Target {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  useLog(database);
  database.exec("PRAGMA synchronous = OFF");
  database.exec("CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
  const select = database.prepare("SELECT value FROM store WHERE key = ?");
  const upsert = database.prepare(
    "INSERT INTO store VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  const remove = database.prepare("DELETE FROM store WHERE key = ?");
  const kept = new Map<string, { value: string | null; until: number }>();

  const read = (key: string) => (select.get(key)?.value as string | undefined) ?? null;
  /** Reads, decides, writes: in one transaction, unless that is the fault. */
  function change(key: string, value: string, wanted: (found: string | null) => boolean, torn: boolean): boolean {
    if (!torn) database.exec("BEGIN IMMEDIATE");
    const done = wanted(read(key));
    if (done) upsert.run(key, value);
    if (!torn) database.exec("COMMIT");
    return done;
  }

  return {
    get(key) {
      if (fault !== "stale-read") return { value: read(key) };
      const now = performance.now();
      const old = kept.get(key);
      const found = old && old.until > now ? old : { value: read(key), until: now + STALE };
      kept.set(key, found);
      return { value: found.value };
    },
    set(key, value) {
      upsert.run(key, value);
      return {};
    },
    create: (key, value) => ({ done: change(key, value, (found) => found === null, fault === "double-create") }),
    delete: (key) => ({ done: remove.run(key).changes === 1 }),
    compareAndSet: (key, expected, value) => ({
      done: change(key, value, (found) => found === expected, fault === "lost-update"),
    }),
    close: () => database.close(),
  };
}

/** SQLite does not wait for its turn to change the journal: while others open the file too, it says at once that it is locked. */
function useLog(database: DatabaseSync): void {
  const until = performance.now() + 10_000;
  for (;;) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!(error as Error).message.includes("locked") || performance.now() > until) throw error;
    }
  }
}
