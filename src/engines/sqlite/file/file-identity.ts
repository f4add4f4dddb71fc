import * as fs from "node:fs";
import * as os from "node:os";
import { twoNamesError } from "./one-name.ts";

/** The clock that stamps inodes ticks every 1 to 10 ms: a change within one tick of the last one does not show. */
const CLOCK_TICK = 12;

/**
 * Linux 6.13 and newer stamps a change finely if somebody looked at the last one (multigrain timestamps), on these: ext4,
 * XFS, Btrfs and tmpfs.
 */
const FINELY_STAMPED: readonly number[] = [0xef53, 0x58465342, 0x9123683e, 0x01021994];

/**
 * Notices that the file at a path is no longer the one that was opened: removed, replaced or moved away. What SQLite
 * has open goes on as if nothing had happened, and its writes would be lost with the file.
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
  readonly #device: number;
  readonly #inode: number;
  #descriptor: number | undefined;
  readonly #tick: number;
  #changedAt = Number.NaN;

  constructor(path: string) {
    const stat = fs.statSync(path);
    this.#path = path;
    this.realPath = fs.realpathSync(path);
    this.#device = stat.dev;
    this.#inode = stat.ino;
    this.#descriptor = this.#findDescriptor();
    this.#tick = isFinelyStamped(path) ? 0 : CLOCK_TICK;
  }

  /** Whether the path still leads to the file, as of now. Throws `ERR_STORE_UNSAFE` if the file got a second hard link. */
  isCurrent(): boolean {
    if (this.#descriptor === undefined) return this.isAtPath();
    let stat: fs.Stats;
    try {
      stat = fs.fstatSync(this.#descriptor);
    } catch {
      this.#descriptor = undefined;
      return this.isAtPath();
    }
    if (stat.ino !== this.#inode || stat.dev !== this.#device) {
      // Another connection of this process had lent its descriptor, and closed it.
      this.#descriptor = this.#findDescriptor();
      return this.isAtPath();
    }
    if (stat.nlink === 0) return false;
    if (stat.nlink > 1) throw twoNamesError(this.realPath);
    if (stat.ctimeMs === this.#changedAt) return true;
    const now = Date.now();
    const current = this.isAtPath();
    this.#changedAt = Math.abs(now - stat.ctimeMs) >= this.#tick ? stat.ctimeMs : Number.NaN;
    return current;
  }

  /** The same by looking the path up: sees also that a folder above was moved. */
  isAtPath(): boolean {
    const stat = fs.statSync(this.#path, { throwIfNoEntry: false });
    if (stat === undefined || stat.ino !== this.#inode || stat.dev !== this.#device) return false;
    if (stat.nlink > 1) throw twoNamesError(this.realPath);
    return true;
  }

  #findDescriptor(): number | undefined {
    // Deno numbers its descriptors in its own way.
    if (process.platform !== "linux" || "Deno" in globalThis) return undefined;
    try {
      for (const name of fs.readdirSync("/proc/self/fd")) {
        try {
          if (fs.readlinkSync(`/proc/self/fd/${name}`) === this.realPath) return Number(name);
        } catch {} // The descriptor of the listing itself is gone by now.
      }
    } catch {}
    return undefined;
  }
}

function isFinelyStamped(path: string): boolean {
  if (process.platform !== "linux") return false;
  const [major = 0, minor = 0] = os.release().split(".").map(Number);
  return (major > 6 || (major === 6 && minor >= 13)) && FINELY_STAMPED.includes(fs.statfsSync(path).type);
}
