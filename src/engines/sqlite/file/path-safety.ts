import * as fs from "node:fs";
import * as path from "node:path";
import { defaultStorePath } from "./default-path.ts";
import { fileError, unsafeError } from "./file-error.ts";
import { checkFilesystem } from "./network-filesystem.ts";
import { checkOneName } from "./one-name.ts";

const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;
const LINKS_AT_MOST = 40;

/**
 * Throws `ERR_STORE_UNSAFE` or `ERR_STORE_NETWORK_FILESYSTEM` if the store must not be opened there; creates nothing.
 * Called before the file's first opening in the process: afterwards no `fs` call may open the file (closing a
 * descriptor of it would drop the locks that SQLite holds on it in this process).
 */
export function checkStorePath(file: string, options: { networkFilesystem?: boolean } = {}): void {
  if (file === defaultStorePath()) checkDefault(file);
  else checkLinks(file);
  if (!options.networkFilesystem) checkFilesystem(file);
}

/** Creates what is missing: the default folder (0700), and an empty file (0600). */
export function createStoreFile(file: string): void {
  if (file === defaultStorePath() && makeFolder(path.dirname(file))) checkDefault(file);
  try {
    // Only a file that was not there is opened and closed here, so that nobody's lock on it can be lost.
    fs.closeSync(fs.openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, file);
  }
}

/** Creates the folder, for this user alone unless told; `false` if it is there. */
export function makeFolder(folder: string, mode = 0o700): boolean {
  try {
    fs.mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(error, folder);
  }
}

function checkDefault(file: string): void {
  const uid = process.geteuid?.();
  if (uid === undefined) return;
  const folder = path.dirname(file);
  const folderStat = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (folderStat === undefined) return;
  if (folderStat.isSymbolicLink()) throw unsafeError(folder, "it is a symbolic link");
  if (!folderStat.isDirectory()) throw unsafeError(folder, "it is no folder");
  if (folderStat.uid !== uid) throw unsafeError(folder, `it belongs to the user with the id ${folderStat.uid}`);
  if (folderStat.mode & 0o022) throw unsafeError(folder, "others may write in it");
  for (const name of [file, `${file}-wal`, `${file}-shm`]) {
    const stat = lstat(name);
    if (stat === undefined) continue;
    if (stat.isSymbolicLink()) throw unsafeError(name, "it is a symbolic link");
    if (!stat.isFile()) throw unsafeError(name, "it is no regular file");
    checkOneName(name, stat);
    if (stat.uid !== uid) throw unsafeError(name, `it belongs to the user with the id ${stat.uid}`);
    if (stat.mode & 0o022) throw unsafeError(name, "others may write it");
  }
}

/**
 * Walks the path and refuses another user's symbolic link in a sticky folder that all may write (as Linux does where
 * `fs.protected_symlinks` is on), and another user's files beside the store there.
 */
function checkLinks(file: string): void {
  const uid = process.geteuid?.();
  if (uid === undefined) return;
  let todo = path.resolve(file).split(path.sep).filter(Boolean);
  let at: string = path.sep;
  let links = 0;
  while (todo.length > 0) {
    const name = todo.shift()!;
    if (name === "..") {
      at = path.dirname(at);
      continue;
    }
    const next = path.join(at, name);
    const stat = lstat(next);
    if (stat === undefined) return;
    if (stat.isSymbolicLink()) {
      if (++links > LINKS_AT_MOST) throw unsafeError(file, "it has too many symbolic links");
      if (isForeign(stat, at, uid))
        throw unsafeError(next, "it is another user's symbolic link in a folder that all may write");
      const target = fs.readlinkSync(next);
      if (path.isAbsolute(target)) at = path.sep;
      todo = [...target.split(path.sep).filter((part) => part !== "" && part !== "."), ...todo];
      continue;
    }
    if (todo.length === 0) {
      if (!stat.isFile())
        throw unsafeError(next, stat.isDirectory() ? "it is a folder: name a file in it" : "it is no regular file");
      checkOneName(next, stat);
      checkNeighbours(next, stat, at, uid);
    }
    at = next;
  }
}

/** The files that SQLite opens beside the store: in a folder that all may write, a stranger could have put them there. */
function checkNeighbours(file: string, stat: fs.Stats, folder: string, uid: number): void {
  for (const name of [`${file}-wal`, `${file}-shm`, `${file}-journal`]) {
    const neighbour = lstat(name);
    if (neighbour === undefined || neighbour.uid === stat.uid) continue;
    if (isForeign(neighbour, folder, uid))
      throw unsafeError(name, "it is another user's file in a folder that all may write");
  }
}

/** Whether an entry of a sticky folder that all may write belongs neither to this user nor to the folder's owner. */
function isForeign(stat: fs.Stats, folder: string, uid: number): boolean {
  const parent = fs.statSync(folder);
  const shared = (parent.mode & STICKY) !== 0 && (parent.mode & OTHERS_WRITE) !== 0;
  return shared && stat.uid !== uid && stat.uid !== parent.uid;
}

function lstat(name: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(name, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(error, name);
  }
}
