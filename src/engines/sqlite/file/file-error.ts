import * as fs from "node:fs";
import { StoreError } from "../../../errors.ts";

/** The error about a path that a stranger may have had a hand in. */
export function unsafeError(name: string, why: string, remedy = REMEDY): StoreError {
  return new StoreError("ERR_STORE_UNSAFE", `${name} cannot be trusted: ${why}. It was left as it is. ${remedy}`);
}

const REMEDY = "Remove it if it is yours, or set IPCTOOLS_STORE to a path that only you may write";

/** The `StoreError` for an error of the file system about `name`. */
export function fileError(error: unknown, name: string): StoreError {
  const { code } = error as NodeJS.ErrnoException;
  const options = { cause: error };
  switch (code) {
    case "EACCES":
    case "EPERM":
      return new StoreError(
        "ERR_STORE_PERMISSION",
        `this user may not use ${name}. Mend its permissions, or set IPCTOOLS_STORE to another path`,
        options,
      );
    case "EMFILE":
    case "ENFILE":
      return tooManyFilesError(name, options);
    case "EROFS":
      return new StoreError(
        "ERR_STORE_READ_ONLY",
        `${name} is on a read-only file system. Set IPCTOOLS_STORE to a path that can be written`,
        options,
      );
    case "ENOSPC":
    case "EDQUOT":
      return new StoreError(
        "ERR_STORE_FULL",
        `no space is left for ${name}. Free some space, then call again`,
        options,
      );
    case "ENOENT":
      return new StoreError(
        "ERR_STORE_IO",
        `the folder of ${name} does not exist. Create it, or set IPCTOOLS_STORE to another path`,
        options,
      );
    case "ENOTDIR":
      return new StoreError(
        "ERR_STORE_IO",
        `a part of the path ${name} is a file, not a folder. Set IPCTOOLS_STORE to another path`,
        options,
      );
    default:
      return new StoreError("ERR_STORE_IO", `${name} cannot be used: ${(error as Error).message}`, options);
  }
}

/** The error of a process that has no file descriptor free. */
export function tooManyFilesError(name: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    "ERR_STORE_TOO_MANY_FILES",
    `Cannot open ${name}: no file descriptor is free. Nothing was written. Close files and connections, or raise the limit (ulimit -n)`,
    options,
  );
}

/** Whether so few descriptors are free that SQLite could not open its files: the store, its log and the log's index. */
export function hasNoDescriptors(): boolean {
  if (process.platform === "win32") return false;
  const descriptors: number[] = [];
  try {
    for (let i = 0; i < 3; i++) descriptors.push(fs.openSync("/dev/null", "r"));
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EMFILE" || code === "ENFILE";
  } finally {
    for (const descriptor of descriptors) fs.closeSync(descriptor);
  }
}
