import * as fs from "node:fs";

const STICKY = 0o1000;
const DESCRIPTORS = "/proc/self/fd";

/**
 * The descriptors that this process has on a store's files, by name: `store.db`, `store.db-wal`, `store.db-shm`. The name of a
 * file that was removed ends in ` (deleted)`. Empty where the platform does not list descriptors.
 *
 * They are SQLite's own. Nothing here opens one of these files, because closing any descriptor of a file drops the locks that
 * SQLite holds on it in this process.
 */
export function openFiles(realPath: string): Map<string, number> {
  const files = new Map<string, number>();
  if (process.platform !== "linux") return files;
  try {
    for (const name of fs.readdirSync(DESCRIPTORS)) {
      try {
        const target = fs.readlinkSync(`${DESCRIPTORS}/${name}`);
        if (target.startsWith(realPath)) files.set(target, Number(name));
      } catch {} // The descriptor of the listing itself is gone by now.
    }
  } catch {} // /proc is hidden, or no descriptor is free.
  return files;
}

/**
 * Sets the sticky bit on the store's files: systemd-tmpfiles removes old files from temporary folders, but not those. Only a
 * file's owner can set it.
 */
export function keepFromCleaners(realPath: string): void {
  const files = openFiles(realPath);
  for (const name of [realPath, `${realPath}-wal`, `${realPath}-shm`]) {
    const descriptor = files.get(name);
    if (descriptor === undefined) continue;
    // Deno has its own numbers for descriptors, so that the file is named by this path.
    const file = `${DESCRIPTORS}/${descriptor}`;
    try {
      const { mode } = fs.statSync(file);
      if ((mode & STICKY) === 0) fs.chmodSync(file, (mode & 0o7777) | STICKY);
    } catch {} // Another user's file, or a file system without modes: the store works without the bit.
  }
}
