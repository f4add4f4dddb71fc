import * as fs from "node:fs";
import * as os from "node:os";
import { StoreError } from "../../../errors.ts";
import { checkMountPoint, twoNamesError } from "./one-name.ts";
import { type OpenedFile, openedFiles, openedInode, settleOpenedFiles } from "./open-files.ts";
import { type CheckedPath, checkOpenNeighbours } from "./path-safety.ts";

/** The clock that stamps inodes ticks every 1 to 10 ms: a change within one tick of the last one does not show. */
const CLOCK_TICK = 12;

/**
 * Linux 6.13 and newer stamps a change finely if somebody looked at the last one (multigrain timestamps), on these: ext4,
 * XFS, Btrfs and tmpfs.
 */
const FINELY_STAMPED: readonly number[] = [0xef53, 0x58465342, 0x9123683e, 0x01021994];

/**
 * Notices that the file at a path is no longer the one that was opened: removed, replaced or moved away; and that SQLite's log
 * was removed. What SQLite has open goes on as if nothing had happened, and its writes would be lost with the file.
 *
 * A removal or a rename changes the inode's link count or its change time, which `fstat` on the descriptor that SQLite
 * itself has open shows for less than half of what looking the path up costs; so the path is looked up only when
 * something changed, or where that descriptor cannot be found. Nothing is opened: closing a descriptor of the file
 * would drop SQLite's locks in this process.
 */
export class FileIdentity {
  /** The file's own name, without symbolic links: SQLite's log and the sessions' folder stand beside it. */
  readonly realPath: string;
  readonly #path: string;
  readonly #tick: number;
  readonly #opened: OpenedFile | undefined;
  readonly #file: Witness;
  #log: Witness | undefined;
  #changedAt = Number.NaN;

  /**
   * `check` looks at the path once more now that SQLite has opened the file. Throws `ERR_STORE_REPLACED` if SQLite opened another
   * one than the one that was checked: somebody put it, or a link, there in between.
   */
  constructor(path: string, check: () => CheckedPath) {
    this.#path = path;
    const { realPath, stat } = check();
    if (stat === undefined) throw replacedError(path);
    const opened = openedFiles([realPath]);
    this.#opened = opened?.get(realPath) ?? (opened && openedInode(stat));
    if (opened !== undefined && !isSameFile(this.#opened?.stat, stat)) throw replacedError(path);
    checkMountPoint(realPath);
    this.realPath = realPath;
    this.#file = new Witness(realPath, stat, this.#opened);
    this.#tick = isFinelyStamped(path) ? 0 : CLOCK_TICK;
  }

  /**
   * To be called when SQLite has opened its log. Throws `ERR_STORE_UNSAFE` if it opened a stranger's, and `ERR_STORE_REPLACED` if
   * this process still uses the index of a log that was removed, because SQLite has one index for all handles in a process.
   */
  watchLog(): void {
    const [log, index] = [`${this.realPath}-wal`, `${this.realPath}-shm`];
    const opened = openedFiles([log, index]);
    if (opened === undefined || this.#opened === undefined) return;
    checkOpenNeighbours(this.realPath, opened);
    const openedLog = opened.get(log);
    if (openedLog === undefined) return;
    if (!opened.has(index) && isOpen(`${index} (deleted)`)) throw logRemovedError(this.realPath);
    settleOpenedFiles(this.#opened, opened.values());
    this.#log = new Witness(log, openedLog.stat, openedLog);
  }

  /**
   * Whether the path still leads to the file, and the log is there, as of now. Throws `ERR_STORE_UNSAFE` if the file got a second
   * hard link, and `ERR_STORE_REPLACED` if the log was removed in a way that opening the store again does not mend.
   */
  isCurrent(): boolean {
    const stat = this.#file.look();
    if (stat === undefined) return this.isAtPath();
    if (stat.nlink === 0) return false;
    if (stat.nlink > 1) throw twoNamesError(this.realPath);
    if (stat.ctimeMs === this.#changedAt) return this.#hasLog();
    const now = Date.now();
    const current = this.isAtPath();
    this.#changedAt = Math.abs(now - stat.ctimeMs) >= this.#tick ? stat.ctimeMs : Number.NaN;
    return current;
  }

  /** The same by looking the path up: sees also that a folder above was moved. */
  isAtPath(): boolean {
    const stat = fs.statSync(this.#path, { throwIfNoEntry: false });
    if (stat === undefined || !this.#file.is(stat)) return false;
    if (stat.nlink > 1) throw twoNamesError(this.realPath);
    return this.#hasLog();
  }

  /**
   * A program that reads the store's files with `fs` drops its own locks on them. Others then find nobody using the store, and
   * remove the log and its index after all that the log held is in the file: opening the store again mends that. A log that
   * was removed alone still holds writes, which its last user carries over into the file.
   */
  #hasLog(): boolean {
    if (this.#log?.look()?.nlink !== 0) return true;
    if (isOpen(`${this.realPath}-shm`)) throw logRemovedError(this.realPath);
    return false;
  }
}

/** One of the store's files, by a descriptor that SQLite has on it. */
class Witness {
  readonly #name: string;
  readonly #stat: fs.Stats;
  #descriptor: number | undefined;

  constructor(name: string, stat: fs.Stats, opened: OpenedFile | undefined) {
    this.#name = name;
    this.#stat = stat;
    this.#keep(opened);
  }

  is(stat: fs.Stats): boolean {
    return isSameFile(stat, this.#stat);
  }

  /** What `fstat` says about the file; `undefined` where no descriptor of it is known. */
  look(): fs.Stats | undefined {
    if (this.#descriptor === undefined) return undefined;
    try {
      const stat = fs.fstatSync(this.#descriptor);
      if (this.is(stat)) return stat;
    } catch {} // Closed, as below.
    // Another connection of this process had lent its descriptor, and closed it.
    this.#keep(openedFiles([this.#name])?.get(this.#name));
    return undefined;
  }

  #keep(opened: OpenedFile | undefined): void {
    // Deno numbers its descriptors in its own way.
    this.#descriptor = "Deno" in globalThis ? undefined : opened?.descriptor;
  }
}

function isOpen(name: string): boolean {
  return openedFiles([name])?.has(name) ?? false;
}

function isSameFile(a: fs.Stats | undefined, b: fs.Stats): boolean {
  return a !== undefined && a.ino === b.ino && a.dev === b.dev;
}

/** The error for a file that changed between two looks at it. */
export function replacedError(path: string): StoreError {
  return new StoreError(
    "ERR_STORE_REPLACED",
    `Cannot open the store ${path}: the file was removed or replaced at the same moment. Nothing was written. Call again`,
  );
}

function logRemovedError(realPath: string): StoreError {
  return new StoreError(
    "ERR_STORE_REPLACED",
    `Cannot write the store ${realPath}: its log ${realPath}-wal was removed while this program used it. Nothing was written. ` +
      "End all programs that have the store open, then call again",
  );
}

function isFinelyStamped(path: string): boolean {
  if (process.platform !== "linux") return false;
  const [major = 0, minor = 0] = os.release().split(".").map(Number);
  return (major > 6 || (major === 6 && minor >= 13)) && FINELY_STAMPED.includes(fs.statfsSync(path).type);
}
