import * as crypto from "node:crypto";
import type {
  Commit,
  CommitOptions,
  CommitResult,
  Engine,
  EngineInfo,
  Listing,
  Session,
  SessionOptions,
  Watch,
  WatchOptions,
} from "../../engine/contract.ts";
import type { Change, Entry, Space } from "../../engine/entry.ts";
import type { LeasedSessions } from "../../engine/leased-sessions.ts";
import { checkKey } from "../../engine/limits.ts";
import type { Range, RangeRead } from "../../engine/range.ts";
import { closedError, sessionEndedError } from "../../engine/standard-errors.ts";
import { checkCommit, checkRange, checkWatch } from "../../engine/validate.ts";
import type { StoreError } from "../../errors.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { REDIS_CAPABILITIES } from "./capabilities.ts";
import { loadRedisModule } from "./connect/client.ts";
import { type CallOptions, Connection, type Server } from "./connect/connection.ts";
import { parseRedisLocation } from "./connect/location.ts";
import { Route } from "./connect/route.ts";
import { redisInfo } from "./info.ts";
import { channelBase, keyBase } from "./protocol/names.ts";
import {
  commitArguments,
  entryCommand,
  type Reply,
  readEntries,
  readEntry,
  readRecords,
  SESSION_ENDED,
} from "./protocol/wire.ts";
import { redisSessions } from "./sessions.ts";
import { channelsOf } from "./watch/channels.ts";
import { Feed } from "./watch/feed.ts";
import { LogWatch } from "./watch/log-watch.ts";

/** How many changes are kept for watches that resume. */
const LOG_LENGTH = "16384";
/** How often the server is asked, while somebody watches, for what has run out, in milliseconds at most and at least. */
const SWEEP_EVERY = 1000;
const SWEEP_SOONEST = 5;
/** How often it is asked for a pulse, in milliseconds at least. */
const PULSE_EVERY = 900;

/**
 * The store on a Redis server (7 or newer, Valkey, KeyDB). Connects at once; see docs/engines/redis.md for the forms of URL, and for
 * what asynchronous replication can lose. Rejects with `ERR_STORE_CLIENT_MISSING`, `ERR_STORE_UNAVAILABLE`,
 * `ERR_STORE_AUTHENTICATION`, `ERR_STORE_INCOMPATIBLE_SERVER`, `ERR_STORE_FOREIGN_PREFIX`.
 */
export async function openRedisEngine(url: string): Promise<Engine> {
  const location = parseRedisLocation(url);
  const module = await loadRedisModule();
  const engine = new RedisEngine({ module, location, route: new Route(module, location) });
  try {
    await engine.connect();
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

class RedisEngine implements Engine {
  readonly name = "redis";
  readonly capabilities = REDIS_CAPABILITIES;
  readonly #server: Server;
  readonly #base: string;
  /** What the arguments of each script begin with. */
  readonly #head: readonly string[];
  readonly #connection: Connection;
  readonly #feed: Feed;
  readonly #sessions: LeasedSessions;
  readonly #watches: LogWatch;
  #heard = 0;
  #pulsed = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #isWatched = false;
  #closing: Promise<void> | undefined;

  constructor(server: Server) {
    this.#server = server;
    this.#base = keyBase(server.location.prefix);
    const channels = channelBase(server.location);
    this.#head = [this.#base, channels, LOG_LENGTH];
    this.#connection = new Connection(server);
    this.#sessions = redisSessions((operation, options) => this.#control(operation, options));
    const own = `${channels}e:${crypto.randomBytes(12).toString("hex")}`;
    this.#feed = new Feed(server, own, {
      message: (text) => this.#watches.inbox.message(text),
      pulse: (text) => this.#watches.inbox.pulse(text),
      lost: () => this.#watches.inbox.lost(),
    });
    this.#watches = new LogWatch({
      heard: () => this.#heard,
      hear: (version) => this.#hear(version),
      now: () => this.#now(),
      readLog: (after, count) => this.#readLog(after, count),
      get: async (key, space) => this.get(key, space),
      channelsOf: (ranges) => channelsOf(channels, ranges),
      feed: this.#feed,
      watching: (isWatching) => {
        this.#isWatched = isWatching;
        clearTimeout(this.#sweeper);
        if (isWatching) this.#sweepIn(SWEEP_SOONEST);
      },
    });
  }

  async connect(): Promise<void> {
    await this.#connection.connected({ timeout: DEFAULT_TIMEOUT });
    await this.#sweep(DEFAULT_TIMEOUT);
  }

  async get(key: string, space?: Space): Promise<Entry | undefined> {
    checkKey(key, this.capabilities.limits);
    this.#assertOpen();
    const fields = await this.#connection.call(entryCommand(this.#base, key, space), { timeout: DEFAULT_TIMEOUT });
    this.#sessions.expireOverdue();
    const entry = readEntry(key, space, fields as Reply[]);
    if (entry?.session === undefined && entry?.expiresAt === undefined) return entry;
    // Whether it is still there is for the server's clock to say.
    const { reads } = await this.#run({ reads: [{ key, ...(space && { space }) }] }, { timeout: DEFAULT_TIMEOUT });
    return reads[0]![0];
  }

  async list(range: RangeRead): Promise<Listing> {
    checkRange(range, this.capabilities.limits);
    const { reads, version } = await this.#run({ reads: [range] }, { timeout: DEFAULT_TIMEOUT });
    return { entries: reads[0]!, version };
  }

  async commit(commit: Commit, { timeout, signal }: CommitOptions = {}): Promise<CommitResult> {
    checkCommit(commit, this.capabilities.limits);
    const wait = checkTimeout(timeout ?? DEFAULT_TIMEOUT);
    signal?.throwIfAborted();
    const bound = (commit.mutations ?? []).flatMap((mutation) =>
      mutation.type === "set" && mutation.session !== undefined ? [mutation.session] : [],
    );
    for (const session of bound) this.#sessions.assertOpen(session);
    return this.#run(commit, { timeout: wait, signal, mutates: (commit.mutations ?? []).length > 0 });
  }

  watch(ranges: readonly Range[], options: WatchOptions = {}): Watch<Change[]> {
    checkWatch(ranges, options, this.capabilities.limits);
    this.#assertOpen();
    return this.#watches.watch(ranges, options);
  }

  async openSession(options?: SessionOptions): Promise<Session> {
    this.#assertOpen();
    return this.#sessions.open(options);
  }

  async info(): Promise<EngineInfo> {
    this.#assertOpen();
    return redisInfo(this.#connection, this.#server, this.#heard);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    clearTimeout(this.#sweeper);
    this.#watches.close(this.#closedError());
    this.#feed.close();
    await this.#sessions.close(this.#closedError());
    this.#connection.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError();
  }

  #closedError(): StoreError {
    return closedError("store", this.#server.location.safe);
  }

  async #run(commit: Commit, options: CallOptions): Promise<CommitResult> {
    this.#assertOpen();
    const reply = (await this.#connection.run("commit", commitArguments(this.#head, commit), options)) as Reply[];
    this.#sessions.expireOverdue();
    const [ok, version, ...reads] = reply;
    if (ok === SESSION_ENDED) {
      const id = String(version);
      this.#sessions.lose(id);
      throw sessionEndedError(id);
    }
    return {
      ok: ok === 1,
      version: this.#hear(version!),
      reads: reads.map((entries, i) => readEntries(commit.reads![i]!.space, entries as Reply[])),
    };
  }

  #hear(version: Reply): number {
    const number = Number(version);
    if (number > this.#heard) this.#heard = number;
    return number;
  }

  #control(operation: readonly string[], options: CallOptions): Promise<Reply> {
    return this.#connection.run("control", [...this.#head, ...operation], options);
  }

  async #now() {
    const [version, , time] = (await this.#control(["log", ""], {
      timeout: DEFAULT_TIMEOUT,
      keepAlive: false,
    })) as Reply[];
    return { version: this.#hear(version!), time: Number(time) };
  }

  async #readLog(after: number, count: number) {
    const operation = ["log", String(after), String(count), ...this.#watches.lengths];
    const [version, entries] = (await this.#control(operation, {
      timeout: DEFAULT_TIMEOUT,
      keepAlive: false,
    })) as [Reply, Reply[]];
    return { version: this.#hear(version), records: readRecords(entries) };
  }

  /** Ends what has run out; resolves to the milliseconds until something else does. With a pulse for those who watch. */
  async #sweep(timeout: number, keepAlive = true): Promise<number> {
    const { link } = this.#feed;
    const now = performance.now();
    const beats = this.#isWatched && link !== undefined && now - this.#pulsed >= PULSE_EVERY;
    if (beats) this.#pulsed = now;
    const pulse = beats ? [this.#feed.own, ...this.#watches.lengths] : [];
    const reply = await this.#control(["sweep", ...pulse], { timeout, keepAlive });
    const [version, next, receivers] = reply as [Reply, number, number];
    if (beats) this.#feed.pulsed(link, receivers);
    this.#hear(version);
    return next;
  }

  #sweepIn(milliseconds: number): void {
    this.#sweeper = setTimeout(async () => {
      const next = await this.#sweep(SWEEP_EVERY, false).catch(() => -1);
      if (!this.#isWatched || this.#closing !== undefined) return;
      this.#sweepIn(next < 0 ? SWEEP_EVERY : Math.min(Math.max(next, SWEEP_SOONEST), SWEEP_EVERY));
    }, milliseconds).unref();
  }
}
