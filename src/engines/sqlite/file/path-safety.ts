import * as fs from "node:fs";
import * as path from "node:path";
import { StoreError } from "../../../errors.ts";
import { defaultStorePath } from "./default-path.ts";

/** What a file system is called whose files several machines share: SQLite's WAL needs the memory of one. */
const NETWORK_FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9P"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
]);

const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;
const LINKS_AT_MOST = 40;

/** The name of the network file system with that `statfs` type, or `undefined` if it is none. */
export function networkFilesystem(type: number): string | undefined {
  return NETWORK_FILESYSTEMS.get(type >>> 0);
}

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
  if (folderStat.isSymbolicLink()) throw unsafe(folder, "it is a symbolic link");
  if (!folderStat.isDirectory()) throw unsafe(folder, "it is no folder");
  if (folderStat.uid !== uid) throw unsafe(folder, `it belongs to the user with the id ${folderStat.uid}`);
  if (folderStat.mode & 0o022) throw unsafe(folder, "others may write in it");
  for (const name of [file, `${file}-wal`, `${file}-shm`]) {
    const stat = lstat(name);
    if (stat === undefined) continue;
    if (stat.isSymbolicLink()) throw unsafe(name, "it is a symbolic link");
    if (!stat.isFile()) throw unsafe(name, "it is no regular file");
    if (stat.nlink > 1) throw unsafe(name, "it has a second hard link");
    if (stat.uid !== uid) throw unsafe(name, `it belongs to the user with the id ${stat.uid}`);
    if (stat.mode & 0o022) throw unsafe(name, "others may write it");
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
      if (++links > LINKS_AT_MOST) throw unsafe(file, "it has too many symbolic links");
      if (isForeign(stat, at, uid))
        throw unsafe(next, "it is another user's symbolic link in a folder that all may write");
      const target = fs.readlinkSync(next);
      if (path.isAbsolute(target)) at = path.sep;
      todo = [...target.split(path.sep).filter((part) => part !== "" && part !== "."), ...todo];
      continue;
    }
    if (todo.length === 0) {
      if (!stat.isFile())
        throw unsafe(next, stat.isDirectory() ? "it is a folder: name a file in it" : "it is no regular file");
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
      throw unsafe(name, "it is another user's file in a folder that all may write");
  }
}

/** Whether an entry of a sticky folder that all may write belongs neither to this user nor to the folder's owner. */
function isForeign(stat: fs.Stats, folder: string, uid: number): boolean {
  const parent = fs.statSync(folder);
  const shared = (parent.mode & STICKY) !== 0 && (parent.mode & OTHERS_WRITE) !== 0;
  return shared && stat.uid !== uid && stat.uid !== parent.uid;
}

function checkFilesystem(file: string): void {
  if (process.platform === "win32" && /^[\\/]{2}[^.?]/.test(path.resolve(file)))
    throw onNetwork(file, "a network share");
  if (process.platform !== "linux") return;
  let type: number;
  try {
    type = fs.statfsSync(lstat(file) === undefined ? path.dirname(file) : file).type;
  } catch {
    return; // Opening it says what is wrong.
  }
  const name = networkFilesystem(type);
  if (name !== undefined) throw onNetwork(file, name);
}

function onNetwork(file: string, name: string): StoreError {
  return new StoreError(
    "ERR_STORE_NETWORK_FILESYSTEM",
    `the store ${file} is on a network file system (${name}), and its programs must share the memory of one machine. ` +
      "Set IPCTOOLS_STORE to a path on a local disk; for several machines use etcd:// or redis://. " +
      "If all its programs run on this machine, IPCTOOLS_NETWORK_FILESYSTEM=1 lets it through",
  );
}

function unsafe(name: string, why: string): StoreError {
  return new StoreError(
    "ERR_STORE_UNSAFE",
    `${name} cannot be trusted: ${why}. It was left as it is; remove it if it is yours, or set IPCTOOLS_STORE to a path that only you may write`,
  );
}

function lstat(name: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(name, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(error, name);
  }
}

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
