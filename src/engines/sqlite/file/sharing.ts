import * as fs from "node:fs";

const STICKY = 0o1000;
const GROUP_READ_WRITE = 0o060;
/** Linux: opens a path for looking at it and for changing its mode, of whatever kind it is. */
const O_PATH = 0o10000000;

/** Whom the files beside a store are for: its owner, and its group where the store's file is the group's. */
export interface Sharing {
  readonly uid: number;
  readonly gid: number;
  readonly withGroup: boolean;
}

/** As the store's file is shared; `undefined` where there is none, or no users and groups. */
export function sharingOf(storePath: string): Sharing | undefined {
  if (process.platform === "win32") return undefined;
  const stat = fs.statSync(storePath, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return { uid: stat.uid, gid: stat.gid, withGroup: (stat.mode & GROUP_READ_WRITE) === GROUP_READ_WRITE };
}

/** Creates an empty file that was not there. */
export function createShared(file: string, sharing: Sharing | undefined): void {
  fs.closeSync(fs.openSync(file, "wx", 0o600));
  share(file, sharing);
}

/**
 * Gives what this process has just made (a file, a folder, a socket) the mode, and the group, of the store, whatever the umask is;
 * root gives it to the store's owner, too. Files get the sticky bit, because a cleaner of temporary folders leaves those alone
 * (systemd-tmpfiles does). Follows no symbolic link.
 */
export function share(name: string, sharing: Sharing | undefined): void {
  if (sharing === undefined) return;
  const place = unfollowed(name);
  try {
    const stat = place.stat();
    const isFolder = stat.isDirectory();
    let { withGroup } = sharing;
    const uid = process.geteuid?.() === 0 ? sharing.uid : stat.uid;
    if (uid !== stat.uid || (withGroup && sharing.gid !== stat.gid)) {
      try {
        place.chown(uid, withGroup ? sharing.gid : stat.gid);
      } catch {
        // This user is not in the group: then the file is for this user alone.
        withGroup = false;
      }
    }
    const forOwner = isFolder ? 0o700 : 0o600 | STICKY;
    place.chmod(withGroup ? forOwner | ((forOwner & 0o700) >> 3) : forOwner);
  } finally {
    place.close();
  }
}

interface Unfollowed {
  stat(): fs.Stats;
  chown(uid: number, gid: number): void;
  chmod(mode: number): void;
  close(): void;
}

/** A name whose attributes are changed, and not those of what a symbolic link of that name leads to. */
function unfollowed(name: string): Unfollowed {
  if (process.platform === "linux" && !("Deno" in globalThis)) {
    const descriptor = fs.openSync(name, O_PATH | fs.constants.O_NOFOLLOW);
    const at = `/proc/self/fd/${descriptor}`;
    return {
      stat: () => fs.fstatSync(descriptor),
      chown: (uid, gid) => fs.chownSync(at, uid, gid),
      chmod: (mode) => fs.chmodSync(at, mode),
      close: () => fs.closeSync(descriptor),
    };
  }
  return {
    stat: () => fs.lstatSync(name),
    chown: (uid, gid) => fs.lchownSync(name, uid, gid),
    // Where there is no call that leaves links alone, the folder is one in which no stranger can make any.
    chmod: (mode) => (process.platform === "darwin" ? fs.lchmodSync(name, mode) : fs.chmodSync(name, mode)),
    close() {},
  };
}
