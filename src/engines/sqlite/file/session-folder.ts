import * as fs from "node:fs";
import * as path from "node:path";
import { unsafeError } from "./file-error.ts";

const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
const ROOT = 0;

/** The folder of the sessions' files, beside the store. */
export function sessionFolder(storePath: string): string {
  return `${storePath}-sessions`;
}

/**
 * Throws `ERR_STORE_UNSAFE` if a stranger could remove or plant files in the sessions' folder. It belongs to this user, to root or
 * to the owner of the store; where the store is a group's, to any member of the group. A file in its place is of no harm here:
 * opening a session refuses it.
 */
export function checkSessionFolder(storePath: string, store: fs.Stats | undefined): void {
  const uid = process.geteuid?.();
  if (uid === undefined) return;
  const folder = sessionFolder(storePath);
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isSymbolicLink()) throw unsafeError(folder, "it is a symbolic link");
  if (!stat.isDirectory()) return;
  const isOfGroup = store !== undefined && (store.mode & GROUP_WRITE) !== 0 && stat.gid === store.gid;
  const isOfMember = isOfGroup && (fs.statSync(path.dirname(folder)).mode & OTHERS_WRITE) === 0;
  if (stat.uid !== uid && stat.uid !== ROOT && stat.uid !== store?.uid && !isOfMember)
    throw unsafeError(folder, `it belongs to the user with the id ${stat.uid}`);
  if (stat.mode & OTHERS_WRITE) throw unsafeError(folder, "all may write in it");
  if (stat.mode & GROUP_WRITE && !isOfGroup)
    throw unsafeError(folder, "a group may write in it that may not write the store");
}
