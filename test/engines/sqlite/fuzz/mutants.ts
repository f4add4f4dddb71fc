import * as fs from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore } from "../../../../src/index.ts";

/** What a store file and its log hold. */
export interface Bytes {
  readonly file: Buffer;
  readonly log: Buffer;
}

export type Random = () => number;

const PAGE = 1024;

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const oneOf = <T>(random: Random, values: readonly T[]): T => values[below(random, values.length)]!;

/** A real store with values, sessions, watches, and entries of each primitive: as it lies on the disk while its owner runs. */
export async function realStore(folder: string): Promise<Bytes> {
  const file = path.join(folder, "real.db");
  const store = await openStore(file);
  for (let i = 0; i < 60; i++) await store.set(`key ${i}`, `value ${i} ${"x".repeat((i * 37) % 700)}`);
  await store.set("timed", "soon", { ttl: 3_600_000 });
  await store.set("bound", "here", { ephemeral: true });
  await store.lock("held");
  await store.lock("together", { mode: "shared" });
  await store.semaphore("permits", 2).acquire();
  await store.elect("leader", { value: "here" }).won;
  await store.once("done", () => ({ big: 1n }));
  const queue = store.queue("jobs");
  await queue.push("first");
  await queue.push("second", { delay: 3_600_000 });
  await queue.push("third");
  await queue.take();
  await store.counter("count").increment(5);
  await store.rateLimit("rate", { limit: 3, per: 60_000 }).tryTake();
  await store.channel("news").post({ at: new Date(0) });
  const changes = store.watch("key 1");
  void changes.next().catch(() => {});
  await store.set("key 1", "again");
  await store.delete("key 2");
  const bytes = { file: fs.readFileSync(file), log: fs.readFileSync(`${file}-wal`) };
  await store.close();
  return bytes;
}

/** The same with the log carried over into the file. */
export function withoutLog({ file, log }: Bytes, folder: string): Bytes {
  const copy = path.join(folder, "whole.db");
  fs.writeFileSync(copy, file);
  fs.writeFileSync(`${copy}-wal`, log);
  const db = new DatabaseSync(copy);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  return { file: fs.readFileSync(copy), log: Buffer.alloc(0) };
}

function flip(random: Random, bytes: Buffer, from: number, to: number): void {
  const count = 1 + below(random, 8);
  for (let i = 0; i < count && to > from; i++) {
    const at = from + below(random, to - from);
    bytes[at] = oneOf(random, [bytes[at]! ^ (1 << below(random, 8)), 0, 0xff, below(random, 256)]);
  }
}

const page = (bytes: Buffer, number: number) => bytes.subarray(number * PAGE, (number + 1) * PAGE);

/** What happens to bytes on a disk. */
const DAMAGES: readonly ((random: Random, bytes: Buffer) => Buffer)[] = [
  (random, bytes) => {
    flip(random, bytes, 0, bytes.length);
    return bytes;
  },
  (random, bytes) => {
    flip(random, bytes, 0, Math.min(100, bytes.length));
    return bytes;
  },
  (random, bytes) => {
    const start = below(random, Math.ceil(bytes.length / PAGE)) * PAGE;
    flip(random, bytes, start, Math.min(start + 12, bytes.length));
    return bytes;
  },
  (random, bytes) => bytes.subarray(0, below(random, bytes.length)),
  (random, bytes) => {
    const pages = Math.floor(bytes.length / PAGE);
    const [a, b] = [page(bytes, below(random, pages)), page(bytes, below(random, pages))];
    const kept = Buffer.from(a);
    b.copy(a);
    kept.copy(b);
    return bytes;
  },
  (random, bytes) => {
    page(bytes, below(random, Math.ceil(bytes.length / PAGE))).fill(0);
    return bytes;
  },
  (random, bytes) => bytes.fill(0, below(random, bytes.length)),
  (random, bytes) => Buffer.concat([bytes, Buffer.from(Array.from({ length: PAGE * 2 }, () => below(random, 256)))]),
];

const COLUMNS: readonly [table: string, column: string][] = [
  ...["store", "ipctools_entry"].flatMap((table) =>
    ["value", "version", "created_version", "session", "expires_at"].map((column): [string, string] => [table, column]),
  ),
  ["ipctools_version", "version"],
  ["ipctools_version", "watchers"],
  ["ipctools_version", "forgotten"],
  ...["id", "pid", "started", "network", "since"].map((column): [string, string] => ["ipctools_session", column]),
  ["ipctools_key_watcher", "session"],
  ["ipctools_range_watcher", "session"],
  ["ipctools_range_watcher", "first"],
  ["ipctools_change", "version"],
  ["ipctools_change", "key"],
];

const ODD_VALUES = [
  "9007199254740991",
  "9223372036854775807",
  "-1",
  "0",
  "1.5",
  "1e300",
  "''",
  "'../victim/app'",
  "'text'",
  "x'ff00fe'",
  "x'7b7d'",
  "8080",
  "hex(zeroblob(5000))",
];

/** What another program writes into rows: values of another kind, out of their range, or somebody's path. */
function oddRow(random: Random, { file }: Bytes, folder: string): Bytes {
  const copy = path.join(folder, "odd.db");
  for (const name of [`${copy}-wal`, `${copy}-shm`]) fs.rmSync(name, { force: true });
  fs.writeFileSync(copy, file);
  const db = new DatabaseSync(copy, { enableForeignKeyConstraints: false });
  try {
    db.exec("PRAGMA ignore_check_constraints = ON");
    const triggers = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
    for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
    const [table, column] = oneOf(random, COLUMNS);
    const which = random() < 0.5 ? "" : ` WHERE abs(random()) % 2 = 0`;
    db.exec(`UPDATE OR IGNORE ${table} SET ${column} = ${oneOf(random, ODD_VALUES)}${which}`);
    for (const { sql } of triggers) db.exec(String(sql));
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
  }
  return { file: fs.readFileSync(copy), log: Buffer.alloc(0) };
}

/** One mutant of a store, the same for the same seed. */
export function mutantOf(seed: number, running: Bytes, whole: Bytes, folder: string): Bytes {
  const random = randomOf(seed);
  const kind = random();
  if (kind < 0.35) return oddRow(random, whole, folder);
  const damage = oneOf(random, DAMAGES);
  if (kind < 0.85) return { file: damage(random, Buffer.from(whole.file)), log: whole.log };
  if (kind < 0.95) return { file: running.file, log: damage(random, Buffer.from(running.log)) };
  return { file: damage(random, Buffer.from(running.file)), log: running.log };
}
