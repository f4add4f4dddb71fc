import * as fs from "node:fs";
import type { Session } from "../../../engine/contract.ts";
import { closedError, sessionEndedError, sessionLostError } from "../../../engine/standard-errors.ts";
import type { StoreError } from "../../../errors.ts";
import type { Connection } from "../database/connection.ts";
import { sessionFolder } from "../file/session-folder.ts";
import { isOwnerAlive } from "./liveness.ts";
import { Presence } from "./presence.ts";
import { doorbellFile } from "./session-files.ts";
import {
  addSession,
  changeInterests,
  clearSession,
  endSession,
  type Interest,
  listSessions,
  type WrittenKey,
} from "./session-rows.ts";

export interface OwnSessionsHost {
  /** The store file's real path. */
  readonly storePath: string;
  read<T>(body: (connection: Connection) => T): T | undefined;
  write(body: (connection: Connection) => WrittenKey[]): Promise<void>;
  /** The same by blocking, `timeout` milliseconds at most. */
  writeNow(body: (connection: Connection) => WrittenKey[], timeout: number): void;
  /** Whether the file that was opened is still at its path. */
  isThere(): boolean;
  /** Called when another process has touched the doorbell. */
  notified(): void;
  /** Clears away the sessions of others whose owners are dead. */
  clearDeadSessions(): Promise<void>;
}

/** A file of a session without a row is a leftover only when it is older than this: its owner may be about to write the row. */
const SETTLED = 10_000;
/** How often a session's owner looks whether it still stands in the store, in milliseconds. */
const CHECK_INTERVAL = 500;
/** How long the end of a process may wait for other writers, in milliseconds. */
const EXIT_TIMEOUT = 250;

/** What is done at the end of the process: one listener for all engines, since Node warns of more than ten. */
const atExit = new Set<() => void>();
const runAll = () => {
  for (const end of atExit) end();
};

/**
 * The sessions of one engine. The first presence has the doorbell that other processes touch for all of the engine's watches.
 * It is also the first session that the user opens.
 */
export class OwnSessions {
  readonly #host: OwnSessionsHost;
  readonly #presences = new Map<string, Presence>();
  readonly #open = new Map<string, OwnSession>();
  readonly #closed = new Set<string>();
  #withDoorbell: Promise<Presence> | undefined;
  #doorbellId: string | undefined;
  #interests: Promise<void> = Promise.resolve();
  #check: NodeJS.Timeout | undefined;
  readonly #atExit = () => this.#exit();

  constructor(host: OwnSessionsHost) {
    this.#host = host;
  }

  /** The session with the doorbell; `undefined` before there is one. */
  get doorbellId(): string | undefined {
    return this.#doorbellId;
  }

  has(session: string): boolean {
    return this.#presences.has(session);
  }

  /** Throws `ERR_STORE_SESSION_LOST` if it was one of ours and is closed. */
  assertOpen(session: string): void {
    if (this.#closed.has(session)) throw sessionEndedError(session);
  }

  async open(): Promise<Session> {
    const first = await this.#openWithDoorbell();
    const isFree = !this.#open.has(first.id) && !this.#closed.has(first.id);
    const presence = isFree ? first : await this.#openPresence(() => {});
    const session = new OwnSession(presence.id, () => this.#closeSession(presence.id));
    this.#open.set(session.id, session);
    this.#check ??= setInterval(() => this.#checkRows(), CHECK_INTERVAL).unref();
    return session;
  }

  /** Registers what the engine watches, one change after another. */
  changeInterests(added: Interest[], removed: Interest[]): Promise<void> {
    const change = async () => {
      if (added.length === 0 && removed.length === 0) return;
      const { id } = await this.#openWithDoorbell();
      await this.#host.write((connection) => {
        changeInterests(connection, id, added, removed);
        return [];
      });
    };
    const done = this.#interests.then(change);
    this.#interests = done.catch(() => {});
    return done;
  }

  /** Every session is over: the file that they stood in is gone. */
  lose(error: StoreError): void {
    const sessions = [...this.#open.values()];
    this.#open.clear();
    for (const presence of this.#presences.values()) presence.close();
    for (const id of this.#presences.keys()) this.#closed.add(id);
    this.#presences.clear();
    this.#withDoorbell = undefined;
    this.#doorbellId = undefined;
    for (const session of sessions)
      session.end(sessionLostError(session.id, "the store was removed or replaced", { cause: error }));
  }

  async close(): Promise<void> {
    clearInterval(this.#check);
    if (atExit.delete(this.#atExit) && atExit.size === 0) process.removeListener("exit", runAll);
    await this.#withDoorbell?.catch(() => {});
    const ids = [...this.#presences.keys()];
    for (const session of this.#open.values()) session.end(closedError("session", session.id));
    this.#open.clear();
    try {
      if (ids.length > 0 && this.#host.isThere())
        await this.#host.write((connection) => ids.flatMap((id) => clearSession(connection, id)));
    } finally {
      for (const presence of this.#presences.values()) presence.close();
      this.#presences.clear();
    }
  }

  /** Sessions of others in the store whose owner is dead, and files that dead ones left. */
  async findDead(): Promise<string[]> {
    const rows = new Map(this.#host.read(listSessions)?.map((row) => [row.id, row]));
    const dead: string[] = [];
    for (const id of new Set([...rows.keys(), ...this.#settledFiles()])) {
      if (!this.has(id) && !isOwnerAlive(this.#host.storePath, id, () => rows.get(id))) dead.push(id);
      await new Promise(setImmediate);
    }
    return dead;
  }

  #settledFiles(): string[] {
    const ids: string[] = [];
    for (const name of fs.readdirSync(sessionFolder(this.#host.storePath))) {
      const id = name.split(".")[0]!;
      const bell = fs.lstatSync(doorbellFile(this.#host.storePath, id), { throwIfNoEntry: false });
      if (bell === undefined || Date.now() - bell.mtimeMs > SETTLED) ids.push(id);
    }
    return [...new Set(ids)];
  }

  #openWithDoorbell(): Promise<Presence> {
    if (this.#withDoorbell === undefined) {
      const opening = this.#openPresence(() => this.#host.notified());
      this.#withDoorbell = opening;
      opening.then(
        (presence) => {
          this.#doorbellId = presence.id;
          this.#host.clearDeadSessions().catch(() => {});
        },
        () => {
          this.#withDoorbell = undefined;
        },
      );
    }
    return this.#withDoorbell;
  }

  async #openPresence(notified: () => void): Promise<Presence> {
    const presence = await Presence.open(this.#host.storePath, notified);
    try {
      await this.#host.write((connection) => {
        addSession(connection, presence.row);
        return [];
      });
    } catch (error) {
      presence.close();
      throw error;
    }
    if (atExit.size === 0) process.on("exit", runAll);
    atExit.add(this.#atExit);
    this.#presences.set(presence.id, presence);
    return presence;
  }

  async #closeSession(id: string): Promise<void> {
    const session = this.#open.get(id);
    if (session === undefined) return;
    this.#open.delete(id);
    this.#closed.add(id);
    session.end(closedError("session", id));
    const presence = this.#presences.get(id);
    if (id === this.#doorbellId) {
      // The presence stays, because its doorbell serves the engine's watches.
      await this.#host.write((connection) => endSession(connection, id));
      return;
    }
    try {
      await this.#host.write((connection) => clearSession(connection, id));
    } finally {
      presence?.close();
      this.#presences.delete(id);
    }
  }

  /** Notices that a session of ours was taken for dead (its lock file was removed), or that the store was replaced. */
  #checkRows(): void {
    let present: Set<string>;
    try {
      present = new Set(this.#host.read(listSessions)?.map((row) => row.id));
    } catch {
      return; // Busy: look again later.
    }
    for (const [id, session] of this.#open) {
      if (present.has(id)) continue;
      this.#open.delete(id);
      this.#closed.add(id);
      session.end(sessionLostError(id, "the session is no longer in the store"));
    }
  }

  /** The process ends by itself without having closed: leaves nothing behind, in so far as nobody is in the way. */
  #exit(): void {
    const ids = [...this.#presences.keys()];
    try {
      this.#host.writeNow((connection) => ids.flatMap((id) => clearSession(connection, id)), EXIT_TIMEOUT);
    } catch {
      // Then the next who comes clears it away.
    }
    for (const presence of this.#presences.values()) presence.close();
  }
}

class OwnSession implements Session {
  readonly id: string;
  readonly #abort = new AbortController();
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(id: string, close: () => Promise<void>) {
    this.id = id;
    this.#close = close;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(reason: StoreError): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(reason);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
