import * as fs from "node:fs";

const STICKY = 0o1000;
const GROUP_WRITE = 0o020;
const DESCRIPTORS = "/proc/self/fd";

/**
 * The descriptors that this process has on a store's files, by name: `store.db`, `store.db-wal`, `store.db-shm`. The name of a
 * file that was removed ends in ` (deleted)`. `undefined` where the platform lists no descriptors.
 *
 * They are SQLite's own. Nothing here opens one of these files, because closing any descriptor of a file drops the locks that
 * SQLite holds on it in this process.
 */
export function openFiles(realPath: string): Map<string, number> | undefined {
  if (process.platform !== "linux") return undefined;
  let names: string[];
  try {
    names = fs.readdirSync(DESCRIPTORS);
  } catch {
    // /proc is hidden, or no descriptor is free.
    return undefined;
  }
  const files = new Map<string, number>();
  for (const name of names) {
    try {
      const target = fs.readlinkSync(`${DESCRIPTORS}/${name}`);
      if (target.startsWith(realPath)) files.set(target, Number(name));
    } catch {} // The descriptor of the listing itself is gone by now.
  }
  return files;
}

/** What the descriptors on the store's files show; `undefined` where the platform lists none. */
export function openStats(realPath: string): Map<string, fs.Stats> | undefined {
  const files = openFiles(realPath);
  if (files === undefined) return undefined;
  const stats = new Map<string, fs.Stats>();
  // Deno has its own numbers for descriptors, so that the files are named by these paths.
  for (const [name, descriptor] of files) {
    try {
      stats.set(name, fs.statSync(`${DESCRIPTORS}/${descriptor}`));
    } catch {} // Another thread has closed it.
  }
  return stats;
}

/**
 * Sets the sticky bit on the store's files: systemd-tmpfiles removes old files from temporary folders, but not those. Where the store
 * is a group's, gives the log and its index to that group, because SQLite makes them with its user's own. Only a file's owner can.
 */
export function settleOpenFiles(realPath: string): void {
  const descriptors = openFiles(realPath);
  const stats = openStats(realPath);
  const store = stats?.get(realPath);
  if (store === undefined) return;
  const isOfGroup = (store.mode & GROUP_WRITE) !== 0;
  for (const name of [realPath, `${realPath}-wal`, `${realPath}-shm`]) {
    const stat = stats?.get(name);
    if (stat === undefined) continue;
    const file = `${DESCRIPTORS}/${descriptors?.get(name)}`;
    try {
      if (isOfGroup && stat.gid !== store.gid) fs.chownSync(file, stat.uid, store.gid);
      if ((stat.mode & STICKY) === 0) fs.chmodSync(file, (stat.mode & 0o7777) | STICKY);
    } catch {} // Another user's file, or a file system without modes: the store works without.
  }
}
