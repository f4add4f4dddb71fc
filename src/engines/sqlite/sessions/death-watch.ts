import type * as net from "node:net";
import { connectTo } from "./session-files.ts";

export interface DeathWatchHost {
  /** The store file's real path. */
  readonly storePath: string;
  /** Whether the owner of the session lives. */
  isAlive(session: string): Promise<boolean>;
  /** Whether anybody still waits for the end of the session. */
  isWanted(session: string): boolean;
  /** Clears the session away. Returns whether that succeeded. */
  clear(session: string): Promise<boolean>;
}

/** When to look after the socket closed, in milliseconds: the kernel drops the owner's lock a moment later. */
const LOOKS = [0, 1, 2, 5, 10, 20, 50, 100];
/** How often owners without a connection are looked at, in milliseconds, and how many of them at a time. */
const LOOK_INTERVAL = 50;
const LOOKS_AT_ONCE = 16;
/** How often the owners with a connection are looked at, too: somebody may have put another socket in the place of theirs. */
const RARE_LOOK_INTERVAL = 1000;
/** Connections that one engine has open. Owners beyond that are looked at instead. */
const MOST_CONNECTIONS = 32;

interface Watched {
  socket: net.Socket | undefined;
  timer: NodeJS.Timeout | undefined;
  isLooking: boolean;
}

/**
 * Learns when other owners end: at once through a connection to each owner's socket, which the kernel closes (and accepts, also
 * while that owner is stopped or busy), and otherwise by looking. A closed connection is only a reason to look.
 */
export class DeathWatch {
  readonly #host: DeathWatchHost;
  readonly #watched = new Map<string, Watched>();
  #connections = 0;
  #timer: NodeJS.Timeout | undefined;
  #lookedAtAll = 0;

  constructor(host: DeathWatchHost) {
    this.#host = host;
  }

  /** Watches the owner of the session until it ends. */
  watch(session: string): void {
    if (this.#watched.has(session)) return;
    const watched: Watched = { socket: undefined, timer: undefined, isLooking: false };
    this.#watched.set(session, watched);
    this.#connect(session, watched);
    this.#timer ??= this.#tickLater();
  }

  /** Whether the session's owner is watched. */
  has(session: string): boolean {
    return this.#watched.has(session);
  }

  /** Ends the watch on every session. */
  close(): void {
    for (const session of [...this.#watched.keys()]) this.#drop(session);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #connect(session: string, watched: Watched): void {
    if (this.#connections >= MOST_CONNECTIONS) return;
    const socket = connectTo(this.#host.storePath, session);
    if (socket === undefined) return;
    this.#connections++;
    watched.socket = socket;
    socket.resume();
    socket.once("close", () => {
      this.#connections--;
      watched.socket = undefined;
      void this.#lookSoon(session, watched, 0);
    });
  }

  #drop(session: string): void {
    const watched = this.#watched.get(session);
    this.#watched.delete(session);
    watched?.socket?.destroy();
    clearTimeout(watched?.timer);
  }

  /** Looks again and again, with growing pauses; after that the owner is looked at in its turn. */
  async #lookSoon(session: string, watched: Watched, turn: number): Promise<void> {
    if (this.#watched.get(session) !== watched) return;
    await this.#look(session, watched);
    const pause = LOOKS[turn + 1];
    if (this.#watched.get(session) !== watched || pause === undefined) return;
    watched.timer = setTimeout(() => void this.#lookSoon(session, watched, turn + 1), pause).unref();
  }

  async #look(session: string, watched: Watched): Promise<void> {
    if (watched.isLooking) return;
    watched.isLooking = true;
    try {
      if ((await this.#host.isAlive(session)) || this.#watched.get(session) !== watched) return;
      // If another program's write is in the way, the next look tries again.
      if (await this.#host.clear(session)) this.#drop(session);
    } catch {
      // The store is busy, damaged or closed: that is for the calls of its users to report. The next look tries again.
    } finally {
      watched.isLooking = false;
    }
  }

  #tickLater(): NodeJS.Timeout {
    const needsLooks = [...this.#watched.values()].some(({ socket }) => socket === undefined);
    return setTimeout(() => this.#tick(), needsLooks ? LOOK_INTERVAL : RARE_LOOK_INTERVAL).unref();
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#lookedAtAll >= RARE_LOOK_INTERVAL) {
      this.#lookedAtAll = now;
      for (const [session, watched] of this.#watched) {
        if (!this.#isWanted(session)) this.#drop(session);
        else if (watched.socket !== undefined) void this.#look(session, watched);
      }
    }
    let looks = 0;
    for (const [session, watched] of this.#watched) {
      if (watched.socket !== undefined) continue;
      if (looks++ === LOOKS_AT_ONCE) break;
      // It goes to the end of the line, so that all have their turn.
      this.#watched.delete(session);
      this.#watched.set(session, watched);
      void this.#look(session, watched);
    }
    this.#timer = this.#watched.size === 0 ? undefined : this.#tickLater();
  }

  #isWanted(session: string): boolean {
    try {
      return this.#host.isWanted(session);
    } catch {
      // The store is busy or damaged: then it stays watched.
      return true;
    }
  }
}
