import * as fs from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

const found = new Map<number, string>();

/**
 * The store file of this user: `/tmp/ipctools-<uid>/store.db`. It depends on the user alone: `TMPDIR` and `XDG_RUNTIME_DIR` differ
 * between a login, `su`, cron and a desktop, so that on POSIX they count only where `/tmp` cannot be used. One process keeps to
 * what it found first.
 */
export function defaultStorePath(): string {
  const uid = process.geteuid?.();
  if (uid === undefined) return join(tmpdir(), `ipctools-${userInfo().username}`, "store.db");
  let path = found.get(uid);
  if (path === undefined) {
    path = join(temporaryFolder(), `ipctools-${uid}`, "store.db");
    found.set(uid, path);
  }
  return path;
}

/** Android and some sandboxes have no `/tmp`, or one that cannot be written. */
function temporaryFolder(): string {
  return !isUsable("/tmp") && isUsable(tmpdir()) ? tmpdir() : "/tmp";
}

function isUsable(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
