import * as fs from "node:fs";
import type { StoreError } from "../../../errors.ts";
import { unsafeError } from "./file-error.ts";

/*
 * SQLite names the write-ahead log after the file. Programs that reach one file by two names of its own would have two logs,
 * and the acknowledged writes in one of them would be lost. A symbolic link is no such name, because SQLite follows it first.
 */

/** Throws `ERR_STORE_UNSAFE` if the file is a mount of the file alone. */
export function checkMountPoint(realPath: string): void {
  if (isMountPoint(realPath))
    throw unsafeError(
      realPath,
      "it is a mount of one file, so that its log would be another one here than under its other name",
      "Mount its folder instead of the file (with containers: -v ./folder:/folder)",
    );
}

/** The error for a file that has a second hard link. */
export function twoNamesError(realPath: string): StoreError {
  return unsafeError(
    realPath,
    "it has a second hard link, and programs that use another name of it would write into another log",
    "Remove the other name; with containers mount the folder, not the file",
  );
}

function isMountPoint(realPath: string): boolean {
  if (process.platform !== "linux") return false;
  let mounts: string;
  try {
    mounts = fs.readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    // /proc is hidden: then nobody can tell.
    return false;
  }
  // The fifth field is the mount point, with blanks and backslashes as octal numbers.
  const escaped = realPath.replaceAll(/[ \t\n\\]/g, (c) => `\\0${c.charCodeAt(0).toString(8).padStart(2, "0")}`);
  return mounts.split("\n").some((line) => line.split(" ", 5)[4] === escaped);
}
