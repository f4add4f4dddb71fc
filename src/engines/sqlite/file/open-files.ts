import * as fs from "node:fs";

const STICKY = 0o1000;
const GROUP_WRITE = 0o020;
const DESCRIPTORS = "/proc/self/fd";

/** A descriptor that SQLite has on one of a store's files. */
export interface OpenedFile {
  readonly descriptor: number;
  readonly stat: fs.Stats;
}

/**
 * The descriptors that this process has on files with these names. The name of a file that was removed ends in ` (deleted)`.
 * `undefined` where the platform lists no descriptors.
 *
 * They are SQLite's own. Nothing here opens one of these files, because closing any descriptor of a file drops the locks that
 * SQLite holds on it in this process.
 */
export function openedFiles(wanted: readonly string[]): Map<string, OpenedFile> | undefined {
  const descriptors = listDescriptors();
  if (descriptors === undefined) return undefined;
  const found = new Map<string, OpenedFile>();
  for (const descriptor of descriptors) {
    try {
      const link = `${DESCRIPTORS}/${descriptor}`;
      const name = fs.readlinkSync(link);
      if (!wanted.includes(name) || found.has(name)) continue;
      // By its path, because Deno has its own numbers for descriptors.
      found.set(name, { descriptor, stat: fs.statSync(link) });
      if (found.size === wanted.length) break;
    } catch {} // Closed meanwhile: the listing's own descriptor, or one of another thread.
  }
  return found;
}

/**
 * The descriptor on a file whatever its name: SQLite uses one of its descriptors again for the same file under another name (in a
 * folder that is mounted twice).
 */
export function openedInode({ ino, dev }: fs.Stats): OpenedFile | undefined {
  for (const descriptor of listDescriptors() ?? []) {
    try {
      const stat = fs.statSync(`${DESCRIPTORS}/${descriptor}`);
      if (stat.ino === ino && stat.dev === dev) return { descriptor, stat };
    } catch {} // As above.
  }
  return undefined;
}

/** The newest first, as a rule: to look at all of them takes longer than to open the store. */
function listDescriptors(): number[] | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    return fs
      .readdirSync(DESCRIPTORS)
      .map(Number)
      .sort((a, b) => b - a);
  } catch {
    // /proc is hidden, or no descriptor is free.
    return undefined;
  }
}

/**
 * Sets the sticky bit on a store's files: systemd-tmpfiles removes old files from temporary folders, but not those. Where the store
 * is a group's, gives the log and its index to that group, because SQLite makes them with its user's own. Only a file's owner can.
 */
export function settleOpenedFiles(store: OpenedFile, beside: Iterable<OpenedFile>): void {
  const isOfGroup = (store.stat.mode & GROUP_WRITE) !== 0;
  for (const { descriptor, stat } of [store, ...beside]) {
    const file = `${DESCRIPTORS}/${descriptor}`;
    try {
      if (isOfGroup && stat.gid !== store.stat.gid) fs.chownSync(file, stat.uid, store.stat.gid);
      if ((stat.mode & STICKY) === 0) fs.chmodSync(file, (stat.mode & 0o7777) | STICKY);
    } catch {} // Another user's file, or a file system without modes: the store works without.
  }
}
