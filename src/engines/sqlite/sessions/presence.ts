import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../../../errors.ts";
import { defaultStorePath } from "../file/default-path.ts";
import { fileError, makeFolder } from "../file/path-safety.ts";
import { doorbellFile, lockFile, sessionFolder, takeLock } from "./liveness.ts";
import type { SessionRow } from "./session-rows.ts";

/** What a socket's path may hold, less a margin (Linux 107 bytes, macOS 103). */
const SOCKET_PATH_BYTES = 100;

/**
 * What shows that an owner lives, and wakes it: a lock file whose kernel lock is the truth, a socket whose closing brings
 * the news at once, and a doorbell file that writers touch. All three have the session's id as their name; nobody else
 * ever has the same. None of them keeps the process alive.
 */
export class Presence {
  readonly row: SessionRow;
  readonly #storePath: string;
  readonly #lock: DatabaseSync;
  readonly #server: net.Server;
  readonly #doorbell: fs.FSWatcher;
  #isClosed = false;

  static async open(storePath: string, notified: () => void): Promise<Presence> {
    const folder = sessionFolder(storePath);
    prepareFolder(folder, storePath);
    const id = crypto.randomBytes(8).toString("hex");
    const bell = doorbellFile(storePath, id);
    try {
      fs.closeSync(fs.openSync(bell, "wx", 0o600));
      const lock = takeLock(lockFile(storePath, id));
      // A cleaner of temporary folders leaves files with the sticky bit alone (systemd-tmpfiles does).
      if (process.platform !== "win32") fs.chmodSync(bell, 0o1600);
      const doorbell = watchBell(bell, notified);
      const socket = socketPath(folder, id);
      return new Presence(storePath, id, lock, doorbell, await listen(socket), socket);
    } catch (error) {
      removeSessionFiles(storePath, id);
      throw error instanceof StoreError ? error : fileError(error, folder);
    }
  }

  private constructor(
    storePath: string,
    id: string,
    lock: DatabaseSync,
    doorbell: fs.FSWatcher,
    server: net.Server,
    socket: string,
  ) {
    this.#storePath = storePath;
    this.#lock = lock;
    this.#doorbell = doorbell;
    this.#server = server;
    this.row = { id, pid: process.pid, socket, since: Date.now() };
  }

  get id(): string {
    return this.row.id;
  }

  /** Lets go of everything and removes the files. The row and what is bound to it must be gone from the store before. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#doorbell.close();
    this.#lock.close();
    this.#server.close();
    removeSessionFiles(this.#storePath, this.id, this.row.socket);
  }
}

/** Removes the files of a session that has ended. */
export function removeSessionFiles(storePath: string, id: string, socket?: string): void {
  const names = [
    lockFile(storePath, id),
    doorbellFile(storePath, id),
    socket ?? socketPath(sessionFolder(storePath), id),
  ];
  for (const name of names) if (!isPipe(name)) fs.rmSync(name, { force: true });
}

function isPipe(name: string): boolean {
  return name.startsWith("\\\\.\\pipe\\");
}

function socketPath(folder: string, id: string): string {
  if (process.platform === "win32") return `\\\\.\\pipe\\ipctools-${id}`;
  const beside = path.join(folder, `${id}.sock`);
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES) return beside;
  return path.join(path.dirname(defaultStorePath()), `${id}.sock`);
}

/** The folder beside the store: for its user alone, or for the group too where the store's file is. */
function prepareFolder(folder: string, storePath: string): void {
  const isShared = ((fs.statSync(storePath, { throwIfNoEntry: false })?.mode ?? 0) & 0o060) === 0o060;
  makeFolder(folder, isShared ? 0o770 : 0o700);
  const stat = fs.lstatSync(folder);
  if (!stat.isDirectory())
    throw new StoreError(
      "ERR_STORE_UNSAFE",
      `${folder} must be a folder, for the files of the programs that use the store: remove it, or set IPCTOOLS_STORE to another path`,
    );
}

function watchBell(bell: string, notified: () => void): fs.FSWatcher {
  // Deno takes no notice of `persistent`, and after each event it waits for the next one with a new reference.
  const isForgetful = "Deno" in globalThis;
  const doorbell = fs.watch(bell, { persistent: false }, () => {
    if (isForgetful) setImmediate(() => doorbell.unref());
    notified();
  });
  if (isForgetful) doorbell.unref();
  doorbell.on("error", notified);
  return doorbell;
}

function listen(socket: string): Promise<net.Server> {
  if (!isPipe(socket)) makeFolder(path.dirname(socket));
  return new Promise((resolve, reject) => {
    // Who connects waits for the end of this process, and says nothing.
    const server = net.createServer((connection) => {
      connection.unref();
      connection.resume();
      connection.on("error", () => connection.destroy());
    });
    server.unref();
    server.once("error", reject);
    server.listen(socket, () => resolve(server));
  });
}
