import type {
  Awaitable,
  Commit,
  CommitOptions,
  CommitResult,
  Engine,
  EngineInfo,
  Listing,
  Session,
  Watch,
  WatchOptions,
} from "../../engine/contract.ts";
import type { Change, Entry, Space } from "../../engine/entry.ts";
import { checkKey, FILE_LIMITS } from "../../engine/limits.ts";
import type { Range, RangeRead } from "../../engine/range.ts";
import { closedError } from "../../engine/standard-errors.ts";
import { checkCommit, checkRange, checkWatch } from "../../engine/validate.ts";
import { StoreError } from "../../errors.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { backUp } from "./backup.ts";
import { SQLITE_CAPABILITIES } from "./capabilities.ts";
import { attemptCommit } from "./commit/attempt-commit.ts";
import type { Owners } from "./commit/transaction.ts";
import { retryBlocking, retryWaiting } from "./database/busy-retry.ts";
import type { Connection } from "./database/connection.ts";
import { isBusy, storeErrorFor } from "./database/sqlite-error.ts";
import { StoreFile } from "./database/store-file.ts";
import { storeInfo } from "./info.ts";
import { DeathWatch } from "./sessions/death-watch.ts";
import { isOwnerAlive, isOwnerAliveBySocket } from "./sessions/liveness.ts";
import { OwnSessions } from "./sessions/own-sessions.ts";
import { isSessionId, removeSessionFiles } from "./sessions/session-files.ts";
import { clearSession, findSession, type SessionRow, type WrittenKey } from "./sessions/session-rows.ts";
import { hasEnded } from "./sync-engine.ts";
import { notifyWatchers } from "./watch/doorbell.ts";
import { Watcher } from "./watch/watcher.ts";

/** How often an open watch looks for changes of writers that notify nobody (Python, or a process killed before it did), in milliseconds. */
const LOOK_INTERVAL = 50;

export interface SqliteOptions {
  /** Lets a path on a network file system through: all programs must run on one machine. Default `false`. */
  readonly networkFilesystem?: boolean;
}

/** The store file at a path: creates it if there is none. The event loop is never blocked for longer than one transaction. */
export async function openSqliteEngine(path: string, options: SqliteOptions = {}): Promise<Engine> {
  const engine = new SqliteEngine(path, options);
  await engine.initialize();
  return engine;
}

class SqliteEngine implements Engine {
  readonly name = "sqlite";
  readonly capabilities = SQLITE_CAPABILITIES;
  readonly #path: string;
  readonly #file: StoreFile;
  readonly #sessions: OwnSessions;
  readonly #watcher: Watcher;
  readonly #deaths: DeathWatch;
  readonly #owners: Owners;
  #replaced = 0;
  #look: NodeJS.Timeout | undefined;
  /** What the last look saw; own commits do not change the first. */
  #dataVersion = -1;
  #lastChange = -1;
  #nextExpiry = 0;
  #closing: Promise<void> | undefined;

  constructor(path: string, options: SqliteOptions) {
    this.#path = path;
    const file = new StoreFile(path, options);
    this.#file = file;
    this.#deaths = new DeathWatch({
      get storePath() {
        return file.realPath;
      },
      isAlive: (session) => isOwnerAliveBySocket(file.realPath, session, () => this.#findSession(session)),
      isWanted: (session) => this.#watcher.isWatchingEntryOf(session),
      clear: (session) => this.#clearDeadSession(session),
    });
    this.#sessions = new OwnSessions({
      get storePath() {
        return file.realPath;
      },
      read: (body) => this.#read(body),
      write: (body) => this.#write(body),
      writeNow: (body, timeout) => this.#writeNow(body, timeout),
      isThere: () => this.#file.isThere(),
      notified: () => this.#watcher.pump(),
      clearDeadSessions: () => this.#clearDeadSessions(),
    });
    const sessions = this.#sessions;
    this.#owners = {
      isAlive: (session, connection) =>
        sessions.has(session) || isOwnerAlive(file.realPath, session, () => findSession(connection, session)),
      get own() {
        return sessions.doorbellId;
      },
    };
    this.#watcher = new Watcher({
      changeInterests: (added, removed) => this.#sessions.changeInterests(added, removed),
      read: (body) => this.#read(body),
      hasEnded: (entry, connection) => hasEnded(entry, this.#owners, connection),
      watchOwners: (sessions) => this.#watchOwners(sessions),
      watching: (isWatching) => this.#watching(isWatching),
    });
  }

  async initialize(): Promise<void> {
    await this.#retry(() => void this.#file.toWrite());
  }

  get(key: string, space?: Space): Awaitable<Entry | undefined> {
    checkKey(key);
    return this.#retry(() => {
      const connection = this.#file.toRead();
      const entry = connection?.table(space)?.get(key);
      return entry === undefined || hasEnded(entry, this.#owners, connection!) ? undefined : entry;
    });
  }

  list(range: RangeRead): Awaitable<Listing> {
    checkRange(range, FILE_LIMITS);
    return this.#retry(() => {
      const connection = this.#file.toRead();
      if (connection === undefined) return { entries: [], version: 0 };
      const { reads, version } = attemptCommit(connection, { reads: [range] }, this.#owners);
      return { entries: reads[0]!, version };
    });
  }

  commit(commit: Commit, options: CommitOptions = {}): Awaitable<CommitResult> {
    checkCommit(commit, FILE_LIMITS);
    let isTimed = false;
    for (const mutation of commit.mutations ?? []) {
      if (mutation.type !== "set") continue;
      if (mutation.session !== undefined) this.#sessions.assertOpen(mutation.session);
      isTimed ||= mutation.ttl !== undefined;
    }
    return this.#retry(() => {
      const connection = this.#file.toWrite();
      this.#noticeReplacement();
      const committed = attemptCommit(connection, commit, this.#owners);
      if (isTimed) this.#nextExpiry = 0;
      this.#wake(connection, committed.watched);
      for (const session of committed.ended) removeSessionFiles(this.#file.realPath, session);
      return { ok: committed.ok, version: committed.version, reads: committed.reads };
    }, options);
  }

  watch(ranges: readonly Range[], options: WatchOptions = {}): Watch<Change[]> {
    checkWatch(ranges, options, FILE_LIMITS);
    this.#assertOpen();
    return this.#watcher.watch(ranges, options);
  }

  async openSession(): Promise<Session> {
    this.#assertOpen();
    // The file may have been removed since.
    await this.initialize();
    return this.#sessions.open();
  }

  info(): EngineInfo {
    this.#assertOpen();
    return storeInfo(this.#file);
  }

  async backup(path: string): Promise<void> {
    this.#assertOpen();
    backUp(this.#file, path);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#watcher.close(closedError("store", this.#path));
    this.#deaths.close();
    clearInterval(this.#look);
    try {
      await this.#sessions.close();
    } finally {
      this.#file.close();
    }
  }

  #retry<T>(attempt: () => T, { timeout, signal }: CommitOptions = {}): Awaitable<T> {
    return retryWaiting(
      () => {
        this.#assertOpen();
        return attempt();
      },
      timeout === undefined ? DEFAULT_TIMEOUT : checkTimeout(timeout),
      this.#path,
      signal,
    );
  }

  #read<T>(body: (connection: Connection) => T): T | undefined {
    try {
      const connection = this.#file.toRead();
      this.#noticeReplacement();
      return connection === undefined ? undefined : body(connection);
    } catch (error) {
      // A lock in the way is gone at the next look. Anything else is an error of the store, for those who watch it.
      throw isBusy(error) ? error : storeErrorFor(error, this.#path);
    }
  }

  /** A transaction of the engine's own; wakes those who watch the keys that `body` returns. */
  async #write(body: (connection: Connection) => WrittenKey[]): Promise<void> {
    const { connection, keys } = await retryWaiting(
      () => {
        const connection = this.#file.toWrite();
        return { connection, keys: connection.write(() => body(connection)) };
      },
      DEFAULT_TIMEOUT,
      this.#path,
      undefined,
    );
    this.#wake(connection, keys);
  }

  #writeNow(body: (connection: Connection) => WrittenKey[], timeout: number): void {
    retryBlocking(
      () => {
        const connection = this.#file.toWrite();
        notifyWatchers(
          this.#file.realPath,
          connection,
          connection.write(() => body(connection)),
        );
      },
      timeout,
      this.#path,
    );
  }

  #wake(connection: Connection, keys: readonly WrittenKey[]): void {
    if (keys.length === 0) return;
    if (notifyWatchers(this.#file.realPath, connection, keys, this.#sessions.doorbellId))
      queueMicrotask(() => this.#watcher.pump());
  }

  #watching(isWatching: boolean): void {
    clearInterval(this.#look);
    this.#look = undefined;
    if (isWatching) this.#look = setInterval(() => this.#pollChanges(), LOOK_INTERVAL).unref();
    else this.#deaths.close();
  }

  /** Looks for what no doorbell announces: changes of writers that notify nobody, expired entries, a file that was removed. */
  #pollChanges(): void {
    try {
      this.#read((connection) => {
        const now = Date.now();
        const dataVersion = connection.dataVersion();
        if (dataVersion === this.#dataVersion && now < this.#nextExpiry) return;
        const { lastChange, nextExpiry } = connection.news();
        this.#dataVersion = dataVersion;
        this.#nextExpiry = nextExpiry;
        if (nextExpiry <= now) void this.#clearExpired(now);
        if (lastChange === this.#lastChange) return;
        if (this.#watcher.pump()) this.#lastChange = lastChange;
        else this.#dataVersion = -1;
      });
    } catch (error) {
      if (error instanceof StoreError) this.#watcher.failAll(error);
      // Anything else is a lock in the way: the next look comes soon.
    }
  }

  async #clearExpired(now: number): Promise<void> {
    await this.#write((connection) =>
      connection.tables().flatMap((table) => table.deleteExpired(now).map((key) => ({ key, system: table.system }))),
    ).catch(() => {}); // Another program's turn; reads leave out what has expired anyway.
  }

  #watchOwners(sessions: Iterable<string>): void {
    // What is bound to something else than a session counts as deleted, and there is nobody to watch.
    for (const session of sessions)
      if (isSessionId(session) && !this.#sessions.has(session) && !this.#deaths.has(session))
        this.#deaths.watch(session);
  }

  #findSession(session: string): SessionRow | undefined {
    return this.#read((connection) => findSession(connection, session));
  }

  /** Clears away a session whose owner is dead. Any number may try: the row goes once. Returns whether it is cleared away. */
  async #clearDeadSession(session: string): Promise<boolean> {
    try {
      await this.#write((connection) => clearSession(connection, session));
    } catch {
      // Busy or closed: it is dead for every reader anyway, and is cleared away later.
      return false;
    }
    removeSessionFiles(this.#file.realPath, session);
    return true;
  }

  async #clearDeadSessions(): Promise<void> {
    for (const session of await this.#sessions.findDead()) await this.#clearDeadSession(session);
  }

  #noticeReplacement(): void {
    if (this.#file.replaced === this.#replaced) return;
    this.#replaced = this.#file.replaced;
    const error = new StoreError(
      "ERR_STORE_REPLACED",
      `the file ${this.#path} was removed or replaced while this program used it: what was bound to it is lost`,
    );
    this.#sessions.lose(error);
    this.#watcher.failAll(error);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError("store", this.#path);
  }
}
