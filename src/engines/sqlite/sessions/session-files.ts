import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { sessionFolder } from "../file/session-folder.ts";

/** What a socket's path may hold, less a margin (Linux 107 bytes, macOS 103). */
const SOCKET_PATH_BYTES = 100;

/** Whether this is a session's id. Ids come out of the file, and are joined to paths. */
export function isSessionId(id: string): boolean {
  return /^[0-9a-f]{16}$/.test(id);
}

export function lockFile(storePath: string, session: string): string {
  return path.join(sessionFolder(storePath), `${session}.lock`);
}

export function doorbellFile(storePath: string, session: string): string {
  return path.join(sessionFolder(storePath), `${session}.bell`);
}

/** The name of the session's socket in the folder. */
export function socketName(session: string): string {
  return `${session}.sock`;
}

/** A path to a session's socket that is short enough for the system, and what keeps the path valid. */
interface SocketPath {
  readonly path: string;
  release(): void;
}

/** `undefined` where there is no such path: in a deep folder on a system other than Linux. Throws what opening the folder does. */
function socketPath(storePath: string, session: string): SocketPath | undefined {
  if (process.platform === "win32") return { path: `\\\\.\\pipe\\ipctools-${session}`, release() {} };
  const folder = sessionFolder(storePath);
  const beside = path.join(folder, socketName(session));
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES) return { path: beside, release() {} };
  if (process.platform !== "linux") return undefined;
  // Linux follows a descriptor of the folder, however long the folder's path is.
  const descriptor = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
  return { path: `/proc/self/fd/${descriptor}/${socketName(session)}`, release: () => fs.closeSync(descriptor) };
}

/** Connects to a session's socket. The connection keeps no process alive. `undefined`: it cannot be tried. */
export function connectTo(storePath: string, session: string): net.Socket | undefined {
  if (!isSessionId(session)) return undefined;
  let place: SocketPath | undefined;
  try {
    place = socketPath(storePath, session);
  } catch {
    // No descriptor free, or no permission for the folder.
  }
  if (place === undefined) return undefined;
  const socket = net.connect({ path: place.path });
  socket.unref();
  socket.on("error", () => {});
  let isReleased = false;
  const release = () => {
    if (!isReleased) place.release();
    isReleased = true;
  };
  socket.once("connect", release).once("close", release);
  return socket;
}

/** What listens on a session's socket. It keeps no process alive. */
export interface SessionListener {
  /** Ends it, with the connections of those who watched the session. */
  close(): void;
}

/** Listens on a session's socket. `undefined` where no socket can be had. */
export async function listenOn(storePath: string, session: string): Promise<SessionListener | undefined> {
  const place = socketPath(storePath, session);
  if (place === undefined) return undefined;
  // Peers connect only to detect the end of the session. They never send data.
  const connections = new Set<net.Socket>();
  const server = net.createServer((connection) => {
    connections.add(connection);
    connection.unref();
    connection.resume();
    connection.on("error", () => connection.destroy());
    connection.once("close", () => connections.delete(connection));
  });
  server.unref();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(place.path, resolve);
    });
  } finally {
    place.release();
  }
  // No descriptor is free for a connection: whoever wanted it looks instead.
  server.on("error", () => {});
  return {
    close() {
      server.close();
      for (const connection of connections) connection.destroy();
    },
  };
}

/**
 * Removes the files of a session that has ended. Never throws: a commit that ended the session stands, and files that could not
 * be removed are found and removed by a later program.
 */
export function removeSessionFiles(storePath: string, session: string): void {
  if (!isSessionId(session)) return;
  const names = [lockFile(storePath, session), doorbellFile(storePath, session)];
  if (process.platform !== "win32") names.push(path.join(sessionFolder(storePath), socketName(session)));
  for (const name of names) {
    try {
      fs.rmSync(name, { force: true });
    } catch {
      // No permission, or the folder has gone.
    }
  }
}
