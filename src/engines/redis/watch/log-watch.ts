import { ChangeQueue } from "../../../engine/change-queue.ts";
import type { WatchOptions } from "../../../engine/contract.ts";
import { type Change, type Entry, type Space, setChange } from "../../../engine/entry.ts";
import { inRange, type Range } from "../../../engine/range.ts";
import { historyLostError } from "../../../engine/standard-errors.ts";
import type { StoreError } from "../../../errors.ts";
import { isTransient, retryTransient } from "../../../wait/transient.ts";
import { type LoggedChange, type LogRecord, readMessage } from "../protocol/wire.ts";
import type { Channels } from "./channels.ts";
import type { Feed } from "./feed.ts";
import { Inbox } from "./inbox.ts";

/** What the watches need of their engine. */
export interface LogHost {
  /** The newest version that this engine has heard of. */
  heard(): number;
  hear(version: number): void;
  /** The newest version and the server's time in milliseconds. */
  now(): Promise<{ version: number; time: number }>;
  /**
   * The log after a version, `count` records at most, and the newest version. From then on the store knows the lengths of the
   * prefixes that are watched (`lengths`).
   */
  readLog(after: number, count: number): Promise<{ version: number; records: LogRecord[] }>;
  get(key: string, space: Space | undefined): Promise<Entry | undefined>;
  channelsOf(ranges: readonly Range[]): Channels;
  readonly feed: Pick<Feed, "add" | "drop" | "ready">;
  /** Called when the first watch begins and when the last one ends. */
  watching(isWatching: boolean): void;
}

interface Subscription {
  readonly ranges: readonly Range[];
  readonly channels: Channels;
  readonly queue: ChangeQueue;
  /** Aborted when the watch has ended. */
  readonly ended: AbortController;
  /** What has this version or an earlier one was delivered. */
  seen: number;
  /** Changes before this time of the server's, in milliseconds, are none of its own. */
  notBefore: number;
  /** Records that came while it was catching up. */
  early: LogRecord[] | undefined;
}

const PAGE = 256;

/** Why reading for all watches ends: the last of them has. */
const UNWATCHED = new Error("Nobody watches any more");

/**
 * The watches of one engine. What changes comes in by the engine's feed, on the channels of what is watched and no others;
 * what those cannot tell (what changed before a watch began, or while there was no connection) is read from the store's log.
 */
export class LogWatch {
  readonly #host: LogHost;
  readonly #subscriptions = new Set<Subscription>();
  /** From the first watch until the last one has ended. */
  #watched = new AbortController();
  /** The lengths of the prefixes that are watched, and how many watch such a one. */
  readonly #lengths = new Map<string, number>();
  /** What the feed brings. */
  readonly inbox: Inbox;
  /**
   * Up to this version all that is watched has been handed round; `undefined` as long as nothing was. It goes on with each
   * record and, while none come, with the pulse, which is published after all that came before: so the log has to reach
   * back no further than to the last pulse.
   */
  #position: number | undefined;
  /** The last record that came in: one that changes several keys comes on several channels. */
  #last = 0;
  /** Marks the store's history. */
  #born: string | undefined;

  constructor(host: LogHost) {
    this.#host = host;
    this.inbox = new Inbox({
      message: (text) => this.#take(text),
      pulse: (text) => this.#advance(text),
      gap: () => this.#resume(),
      failed: (error) => {
        // Another watch may have begun since then.
        if (error !== UNWATCHED) this.#fail(error);
      },
    });
  }

  watch(ranges: readonly Range[], { from, signal, keepAlive }: WatchOptions): ChangeQueue {
    const queue = new ChangeQueue({ signal, keepAlive, ended: () => this.#end(subscription) });
    const subscription: Subscription = {
      ranges,
      channels: this.#host.channelsOf(ranges),
      queue,
      ended: new AbortController(),
      seen: from ?? this.#host.heard(),
      notBefore: 0,
      early: [],
    };
    if (queue.closed) return queue;
    if (!this.#isWatched) {
      this.#watched = new AbortController();
      this.#host.watching(true);
    }
    this.#subscriptions.add(subscription);
    for (const length of subscription.channels.lengths) this.#lengths.set(length, (this.#lengths.get(length) ?? 0) + 1);
    this.#host.feed.add(subscription.channels.names);
    void this.#begin(subscription, from === undefined);
    return queue;
  }

  /** The lengths of the prefixes that are watched. */
  get lengths(): Iterable<string> {
    return this.#lengths.keys();
  }

  close(error: StoreError): void {
    this.#fail(error);
  }

  #end(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return;
    subscription.ended.abort();
    this.#host.feed.drop(subscription.channels.names);
    for (const length of subscription.channels.lengths) {
      const left = this.#lengths.get(length)! - 1;
      if (left > 0) this.#lengths.set(length, left);
      else this.#lengths.delete(length);
    }
    if (this.#isWatched) return;
    this.#watched.abort(UNWATCHED);
    this.#position = undefined;
    this.#born = undefined;
    this.inbox.clear();
    this.#host.watching(false);
  }

  #fail(error: unknown): void {
    for (const { queue } of [...this.#subscriptions]) queue.fail(error);
  }

  /** Delivers what has happened since the version that it has seen, then joins the others. */
  async #begin(subscription: Subscription, isNew: boolean): Promise<void> {
    const { queue, channels } = subscription;
    const { signal } = subscription.ended;
    try {
      if (isNew) await Promise.all([this.#skipOld(subscription), this.#host.feed.ready(signal, channels.names)]);
      let gaps: number;
      // What comes in from the time when the feed is ready is kept; a gap before the log was read is a gap in that.
      do {
        gaps = this.inbox.gaps;
        await this.#host.feed.ready(signal, channels.names);
        subscription.seen = await this.#readOn(subscription.seen, signal, (record) =>
          this.#deliver(subscription, record),
        );
      } while (gaps !== this.inbox.gaps);
      this.#position = Math.min(this.#position ?? subscription.seen, subscription.seen);
      // One await at a time: more may come in while the last of them is fetched.
      for (const early = subscription.early!; early.length > 0; ) {
        const record = early.shift()!;
        if (record.version <= subscription.seen) continue;
        subscription.seen = record.version;
        await this.#deliver(subscription, record);
      }
      subscription.early = undefined;
    } catch (error) {
      queue.fail(error);
    }
  }

  /**
   * What others wrote since the engine last heard of the server may have come before the call or after it: the server's
   * clock tells, which at the call stood no lower than at its answer less the time that the answer took.
   */
  async #skipOld(subscription: Subscription): Promise<void> {
    const called = performance.now();
    try {
      const { version, time } = await this.#host.now();
      subscription.notBefore = Math.floor(time - (performance.now() - called));
      const { records } = await this.#host.readLog(subscription.seen, 1);
      // Too much has happened since then, or the server's history is another one.
      if (version !== subscription.seen && records[0]?.previous !== subscription.seen) subscription.seen = version;
    } catch (error) {
      // Without an answer nothing is skipped.
      if (!isTransient(error)) throw error;
    }
  }

  /** Hands on what the log holds after a version, in order. Resolves to the version of the last of it. */
  async #readOn(
    after: number,
    signal: AbortSignal,
    hand: (record: LogRecord) => Promise<void> | undefined,
  ): Promise<number> {
    for (let position = after; ; ) {
      const { version, records } = await this.#readLog(position, PAGE, signal);
      if (version < position) throw historyLostError(position, version);
      for (const record of records) {
        // Not the one before it: trimmed away, or what was seen was lost with the server and is in no history any more.
        if (record.previous !== position) throw historyLostError(position, version);
        position = record.version;
        await hand(record);
        signal.throwIfAborted();
      }
      if (records.length === 0 && version > position) throw historyLostError(position, version);
      if (records.length < PAGE) return position;
    }
  }

  /** A part of the log, as soon as the server answers. */
  async #readLog(after: number, count: number, signal: AbortSignal) {
    const page = await retryTransient([signal], () => this.#host.readLog(after, count), { keepAlive: false });
    signal.throwIfAborted();
    return page;
  }

  get #isWatched(): boolean {
    return this.#subscriptions.size > 0;
  }

  /** A record has come in. */
  async #take(text: Buffer): Promise<void> {
    const message = readMessage(text);
    const { version } = message;
    if (version === this.#last || !this.#isWatched) return;
    this.#last = version;
    const { record } = message;
    const found = record ?? (await this.#fetchRecord(version));
    this.#host.hear(version);
    if (this.#position !== undefined && version > this.#position) {
      // The position is not in this history.
      if (found.previous < this.#position) throw historyLostError(this.#position, version);
      this.#position = version;
    }
    await this.#handRound(found);
  }

  /** A pulse has come in: what was published before it has been taken. */
  async #advance(text: Buffer): Promise<void> {
    if (!this.#isWatched) return;
    const [newest, isIncomplete, born] = text.toString().split(" ");
    const version = Number(newest);
    this.#host.hear(version);
    if (born !== "-") {
      this.#born ??= born;
      if (born !== this.#born) throw historyLostError(this.#position ?? version, version);
    }
    if (this.#position === undefined) return;
    // Lower: it was on its way for longer than an answer of the log's, or the server lost its newest commits.
    if (isIncomplete === "1" || version < this.#position) await this.#readAll();
    else this.#position = version;
  }

  /** Something may be missing: after a new connection the log tells. */
  async #resume(): Promise<void> {
    if (!this.#isWatched) return;
    await this.#host.feed.ready(this.#watched.signal);
    await this.#readAll();
  }

  async #readAll(): Promise<void> {
    if (this.#position === undefined) return;
    this.#position = await this.#readOn(this.#position, this.#watched.signal, (record) => this.#handRound(record));
  }

  async #handRound(record: LogRecord): Promise<void> {
    for (const subscription of [...this.#subscriptions]) {
      if (subscription.early !== undefined) {
        subscription.early.push(record);
      } else if (record.version > subscription.seen) {
        subscription.seen = record.version;
        const delivered = this.#deliver(subscription, record);
        if (delivered) await delivered;
      }
    }
  }

  /** Delivers what it watches of a record; later where a value has to be fetched. */
  #deliver(subscription: Subscription, { changes, time }: LogRecord): Promise<void> | undefined {
    const { ranges, queue, notBefore } = subscription;
    if (time < notBefore) return undefined;
    const watched = changes.filter(({ key, space }) => ranges.some((range) => inRange(range, key, space)));
    const fetched = watched.filter((change) => change.type !== "unfetched");
    if (fetched.length < watched.length) return this.#deliverFetched(watched, subscription);
    queue.push(fetched);
    return undefined;
  }

  /** Fails the watch alone if a value cannot be fetched. */
  async #deliverFetched(changes: readonly LoggedChange[], { queue, ended }: Subscription): Promise<void> {
    const batch: Change[] = [];
    try {
      for (const change of changes) batch.push(...(await this.#fetch(change, ended.signal)));
      queue.push(batch);
    } catch (error) {
      queue.fail(error);
    }
  }

  /** The change with its value, as soon as the server answers. None if the entry has changed since, because that is in the log too. */
  async #fetch(change: LoggedChange, signal: AbortSignal): Promise<Change[]> {
    if (change.type !== "unfetched") return [change];
    const { key, space, version } = change;
    const entry = await retryTransient([signal], () => this.#host.get(key, space), { keepAlive: false });
    return entry?.version === version ? [setChange(entry)] : [];
  }

  /** The record of a version, from the log. */
  async #fetchRecord(version: number): Promise<LogRecord> {
    const { version: newest, records } = await this.#readLog(version - 1, 1, this.#watched.signal);
    if (records[0]?.version !== version) throw historyLostError(version - 1, newest);
    return records[0];
  }
}
