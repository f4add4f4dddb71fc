import * as fs from "node:fs";
import type { EngineInfo } from "../../engine/contract.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { retryBlocking } from "./database/busy-retry.ts";
import { sqlite } from "./database/runtime.ts";
import { FORMAT_VERSION } from "./database/schema.ts";
import type { StoreFile } from "./database/store-file.ts";

/** The first SQLite without the WAL-reset bug, which can corrupt a file that several programs write (sqlite.org/wal.html#walresetbug). */
const MENDED = [3, 51, 3] as const;

export function storeInfo(file: StoreFile): EngineInfo {
  const { keys, version, format } = retryBlocking(
    () => {
      const connection = file.toRead();
      if (connection === undefined) return { keys: 0, version: 0, format: "none" };
      return connection.read(() => ({
        keys: connection.values.count(),
        version: connection.version(),
        format: connection.format === "python" ? "python" : String(FORMAT_VERSION),
      }));
    },
    DEFAULT_TIMEOUT,
    file.path,
  );
  const sqliteVersion = librarySqliteVersion();
  return {
    engine: "sqlite",
    location: file.path,
    initialized: version > 0,
    keys,
    version,
    durability:
      "a commit survives the end of every process; after a power loss the file is consistent, and the last moments may be missing",
    details: {
      format,
      bytes: size(file.path) + size(`${file.path}-wal`),
      sqlite: sqliteVersion,
      ...(isMended(sqliteVersion)
        ? undefined
        : { warning: "this SQLite has the WAL-reset bug (rare corruption with several writers): update the runtime" }),
    },
  };
}

function size(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function librarySqliteVersion(): string {
  const db = new (sqlite().DatabaseSync)(":memory:");
  const { version } = db.prepare("SELECT sqlite_version() AS version").get() as { version: string };
  db.close();
  return version;
}

function isMended(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [i, least] of MENDED.entries()) if (parts[i] !== least) return (parts[i] ?? 0) > least;
  return true;
}
