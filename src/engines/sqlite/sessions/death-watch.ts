import * as net from "node:net";
import { isLockHeld, lockFile } from "./liveness.ts";

/** After the socket closed: when to look at the lock, in milliseconds. The last one repeats. */
const LOOKS = [0, 1, 2, 5, 10, 20, 50, 100];

/**
 * Learns at once when another owner ends: by a connection to its socket, which the kernel closes (and accepts, also while
 * that owner's event loop is blocked or stopped). The socket only brings the news; the lock decides.
 */
export class DeathWatch {
  readonly #storePath: string;
  readonly #died: (session: string) => void;
  readonly #watched = new Map<string, { socket: net.Socket | undefined; timer: NodeJS.Timeout | undefined }>();

  constructor(storePath: string, died: (session: string) => void) {
    this.#storePath = storePath;
    this.#died = died;
  }

  /** Watches the owner of the session until it dies; `socketPath` is where it listens. */
  watch(session: string, socketPath: string): void {
    if (this.#watched.has(session)) return;
    const socket = net.connect(socketPath);
    const watched = { socket: socket as net.Socket | undefined, timer: undefined as NodeJS.Timeout | undefined };
    this.#watched.set(session, watched);
    socket.unref();
    socket.resume();
    socket.on("error", () => {});
    socket.once("close", () => {
      watched.socket = undefined;
      if (this.#watched.get(session) === watched) this.#look(session, 0);
    });
  }

  /** Whether the session's owner is watched. */
  has(session: string): boolean {
    return this.#watched.has(session);
  }

  /** Ends the watch on every session. */
  close(): void {
    for (const { socket, timer } of this.#watched.values()) {
      socket?.destroy();
      clearTimeout(timer);
    }
    this.#watched.clear();
  }

  #look(session: string, turn: number): void {
    const watched = this.#watched.get(session);
    if (watched === undefined) return;
    if (!isLockHeld(lockFile(this.#storePath, session))) {
      this.#watched.delete(session);
      this.#died(session);
      return;
    }
    watched.timer = setTimeout(
      () => this.#look(session, Math.min(turn + 1, LOOKS.length - 1)),
      LOOKS[turn + 1] ?? LOOKS.at(-1),
    );
    watched.timer.unref();
  }
}
