import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../../../errors.ts";

export type Sqlite = typeof import("node:sqlite");

let loaded: Sqlite | undefined;
let cutsText: boolean | undefined;

/**
 * The runtime's own SQLite, loaded when a store is first used, so that importing the package works everywhere.
 * Throws `ERR_STORE_RUNTIME` where there is none.
 */
export function sqlite(): Sqlite {
  loaded ??= load();
  return loaded;
}

function load(): Sqlite {
  // Node 22 announces on stderr that its SQLite is experimental; a program's users can do nothing about it.
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: []) => {
    if (!String(warning).startsWith("SQLite is an experimental feature")) emitWarning.call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    const module = process.getBuiltinModule?.("node:sqlite");
    if (module?.DatabaseSync?.prototype.prepare !== undefined) return module;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw new StoreError(
    "ERR_STORE_RUNTIME",
    `this runtime (${process.title} ${process.version}) has no node:sqlite, which a store file needs: use Node 22.16 or newer, ` +
      "Deno 2.2 or newer, or Bun 1.4 or newer",
  );
}

/** Whether this runtime cuts a text that it reads at its first NUL (Node 22 and Deno do): then texts are read with care. */
export function cutsTextAtNul(): boolean {
  if (cutsText === undefined) {
    const db: DatabaseSync = new (sqlite().DatabaseSync)(":memory:");
    cutsText = db.prepare("SELECT char(97, 0, 98) AS text").get()?.text !== "a\0b";
    db.close();
  }
  return cutsText;
}
