import * as fs from "node:fs";
import * as path from "node:path";
import { defaultStorePath } from "./default-path.ts";
import { fileError, unsafeError } from "./file-error.ts";
import { checkFilesystem } from "./network-filesystem.ts";
import { twoNamesError } from "./one-name.ts";
import type { OpenedFile } from "./open-files.ts";
import { checkSessionFolder } from "./session-folder.ts";

const SETGID_AND_GROUP_WRITE = 0o2020;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;
const ROOT = 0;
const LINKS_AT_MOST = 40;

/** Where a path leads, without symbolic links, and what is there. */
export interface CheckedPath {
  readonly realPath: string;
  readonly stat: fs.Stats | undefined;
}

/**
 * Throws `ERR_STORE_UNSAFE` or `ERR_STORE_NETWORK_FILESYSTEM` if the store must not be opened there; creates nothing.
 * It opens no file either: closing a descriptor of the store would drop the locks that SQLite holds on it in this process.
 */
export function checkStorePath(file: string, options: { networkFilesystem?: boolean } = {}): CheckedPath {
  const checked = file === defaultStorePath() ? checkDefault(file) : checkLinks(file);
  checkSessionFolder(checked.realPath, checked.stat);
  if (!options.networkFilesystem) checkFilesystem(file);
  return checked;
}

/**
 * Creates what is missing: the default folder (0700), and an empty file: for its user alone (0600), or for the group in a folder
 * that gives its group to its files (setgid) and lets the group write.
 */
export function createStoreFile(file: string, realPath: string): void {
  if (file === defaultStorePath()) {
    makeFolder(path.dirname(file));
    // Somebody else may have made it since the last look.
    checkDefault(file);
  }
  try {
    const folder = fs.statSync(path.dirname(realPath));
    const isOfGroup = (folder.mode & SETGID_AND_GROUP_WRITE) === SETGID_AND_GROUP_WRITE;
    // Only a file that was not there is opened and closed here, so that nobody's lock on it can be lost.
    const descriptor = fs.openSync(realPath, "wx", 0o600);
    try {
      if (isOfGroup) fs.fchmodSync(descriptor, 0o660);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(error, file);
  }
}

/** Creates the folder, for this user alone; `false` if it is there. */
export function makeFolder(folder: string): boolean {
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(error, folder);
  }
}

function checkDefault(file: string): CheckedPath {
  const uid = process.geteuid?.();
  const folder = path.dirname(file);
  const folderStat = lstat(folder);
  if (uid === undefined || folderStat === undefined) return { realPath: file, stat: lstat(file) };
  if (folderStat.isSymbolicLink()) throw unsafeError(folder, "it is a symbolic link");
  if (!folderStat.isDirectory()) throw unsafeError(folder, "it is no folder");
  if (folderStat.uid !== uid) throw unsafeError(folder, `it belongs to the user with the id ${folderStat.uid}`);
  if (folderStat.mode & 0o022) throw unsafeError(folder, "others may write in it");
  for (const name of [file, ...neighbours(file)]) {
    const stat = lstat(name);
    if (stat === undefined) continue;
    if (stat.isSymbolicLink()) throw unsafeError(name, "it is a symbolic link");
    if (!stat.isFile()) throw unsafeError(name, "it is no regular file");
    if (stat.nlink > 1) throw twoNamesError(name);
    if (stat.uid !== uid) throw unsafeError(name, `it belongs to the user with the id ${stat.uid}`);
    if (stat.mode & 0o022) throw unsafeError(name, "others may write it");
  }
  return { realPath: path.join(fs.realpathSync(folder), path.basename(file)), stat: lstat(file) };
}

/** The files that SQLite opens beside the store. */
function neighbours(file: string): string[] {
  return ["-wal", "-shm", "-journal"].map((suffix) => file + suffix);
}

/**
 * Walks the path and refuses another user's symbolic link in a sticky folder that all may write (as Linux does where
 * `fs.protected_symlinks` is on), and another user's file as the store, or beside it, there.
 */
function checkLinks(file: string): CheckedPath {
  const uid = process.geteuid?.();
  if (uid === undefined) return checkWithoutUsers(file);
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
    if (stat?.isSymbolicLink()) {
      if (++links > LINKS_AT_MOST) throw unsafeError(file, "it has too many symbolic links");
      if (isForeign(stat, at, uid))
        throw unsafeError(next, "it is another user's symbolic link in a folder that all may write");
      const target = fs.readlinkSync(next);
      if (path.isAbsolute(target)) at = path.sep;
      todo = [...target.split(path.sep).filter((part) => part !== "" && part !== "."), ...todo];
      continue;
    }
    if (todo.length === 0) {
      checkFile(next, stat, at, uid);
      return { realPath: next, stat };
    }
    if (stat === undefined) return { realPath: path.join(next, ...todo), stat };
    at = next;
  }
  throw unsafeError(file, "it is a folder: name a file in it");
}

function checkWithoutUsers(file: string): CheckedPath {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return { realPath: path.resolve(file), stat };
  if (!stat.isFile()) throw notAFile(file, stat);
  if (stat.nlink > 1) throw twoNamesError(file);
  return { realPath: fs.realpathSync(file), stat };
}

/** In a folder that all may write, a stranger could have put the file there, or those that SQLite opens beside it. */
function checkFile(file: string, stat: fs.Stats | undefined, folder: string, uid: number): void {
  if (stat !== undefined) {
    if (!stat.isFile()) throw notAFile(file, stat);
    if (stat.nlink > 1) throw twoNamesError(file);
  }
  for (const name of [file, ...neighbours(file)]) {
    const found = name === file ? stat : lstat(name);
    if (found !== undefined && isForeign(found, folder, uid)) throw foreignFile(name);
  }
}

/** The same for what SQLite has opened beside the store, by its descriptors: it may be at no path any more. */
export function checkOpenNeighbours(realPath: string, opened: ReadonlyMap<string, OpenedFile>): void {
  const uid = process.geteuid?.();
  if (uid === undefined) return;
  for (const name of neighbours(realPath)) {
    const stat = opened.get(name)?.stat;
    if (stat !== undefined && isForeign(stat, path.dirname(realPath), uid)) throw foreignFile(name);
  }
}

function notAFile(file: string, stat: fs.Stats): Error {
  return unsafeError(file, stat.isDirectory() ? "it is a folder: name a file in it" : "it is no regular file");
}

function foreignFile(name: string): Error {
  return unsafeError(name, "it is another user's file in a folder that all may write");
}

/** Whether an entry of a sticky folder that all may write belongs neither to this user, nor to root, nor to the folder's owner. */
function isForeign(stat: fs.Stats, folder: string, uid: number): boolean {
  if (stat.uid === uid || stat.uid === ROOT) return false;
  const parent = fs.statSync(folder);
  const isShared = (parent.mode & STICKY) !== 0 && (parent.mode & OTHERS_WRITE) !== 0;
  return isShared && stat.uid !== parent.uid;
}

function lstat(name: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(name, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(error, name);
  }
}
