import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/**
 * The store file of this user: `<tmpdir>/ipctools-<uid>/store.db`. It depends on the user alone: `TMPDIR` and
 * `XDG_RUNTIME_DIR` differ between a login, `su`, cron and a desktop, so on POSIX the temporary directory is `/tmp`.
 */
export function defaultStorePath(): string {
  const uid = process.geteuid?.();
  return uid === undefined
    ? join(tmpdir(), `ipctools-${userInfo().username}`, "store.db")
    : join("/tmp", `ipctools-${uid}`, "store.db");
}
