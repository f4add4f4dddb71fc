import { ChangeQueue } from "../../../engine/change-queue.ts";
import type { WatchOptions } from "../../../engine/contract.ts";
import type { Change, Entry, Space } from "../../../engine/entry.ts";
import { inRange, type Range } from "../../../engine/range.ts";
import { StoreError } from "../../../errors.ts";
import { isPassing, retrying } from "../connect/retrying.ts";
import { type LoggedChange, type LogRecord, readMessage } from "../protocol/wire.ts";
import type { Channels } from "./channels.ts";
import type { Feed } from "./feed.ts";
import { Inbox } from "./inbox.ts";

/** What the watches need of their engine. */
export interface LogHost {
  /** The newest revision that this engine has heard of. */
  heard(): number;
  hear(version: number): void;
  /** The server's revision and its time in milliseconds. */
  now(): Promise<{ version: number; time: number }>;
  /**
   * The log after a revision, `count` records at most, and the revision now. From then on the store knows the lengths of the
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
  /** What has this version or an earlier one was delivered. */
  seen: number;
  /** Changes before this time of the server's, in milliseconds, are none of its own. */
  notBefore: number;
  /** Records that came while it was catching up. */
  early: LogRecord[] | undefined;
}

const PAGE = 256;

/**
 * The watches of one engine. What changes comes in by the engine's feed, on the channels of what is watched and no others;
 * what those cannot tell (what changed before a watch began, or while there was no connection) is read from the store's log.
 */
export class LogWatch {
  readonly #host: LogHost;
  readonly #subscriptions = new Set<Subscription>();
  /** The lengths of the prefixes that are watched, and how many watch such a one. */
  readonly #lengths = new Map<string, number>();
  /** What the feed brings. */
  readonly inbox: Inbox;
  /**
   * Up to this revision all that is watched has been handed round; `undefined` as long as nothing was. It goes on with each
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
      gap: () => this.#mend(),
      failed: (error) => this.#fail(error),
    });
  }

  watch(ranges: readonly Range[], { from, signal, keepAlive }: WatchOptions): ChangeQueue {
    const queue = new ChangeQueue({ signal, keepAlive, ended: () => this.#end(subscription) });
    const subscription: Subscription = {
      ranges,
      channels: this.#host.channelsOf(ranges),
      queue,
      seen: from ?? this.#host.heard(),
      notBefore: 0,
      early: [],
    };
    if (queue.closed) return queue;
    if (this.#subscriptions.size === 0) this.#host.watching(true);
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
    this.#host.feed.drop(subscription.channels.names);
    for (const length of subscription.channels.lengths) {
      const left = this.#lengths.get(length)! - 1;
      if (left > 0) this.#lengths.set(length, left);
      else this.#lengths.delete(length);
    }
    if (this.#subscriptions.size > 0) return;
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
    const isWanted = () => !queue.closed;
    try {
      if (isNew) await Promise.all([this.#skipOld(subscription), this.#host.feed.ready(isWanted, channels.names)]);
      let gaps: number;
      // What comes in from the time when the feed is ready is kept; a gap before the log was read is a gap in that.
      do {
        gaps = this.inbox.gaps;
        await this.#host.feed.ready(isWanted, channels.names);
        subscription.seen = await this.#readOn(subscription.seen, isWanted, (record) =>
          this.#deliver(subscription, record),
        );
        if (queue.closed) return;
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
      if (!isPassing(error)) throw error;
    }
  }

  /** Hands on what the log holds after a revision, in order; resolves to the revision of the last of it. */
  async #readOn(
    after: number,
    isWanted: () => boolean,
    hand: (record: LogRecord) => Promise<void> | undefined,
  ): Promise<number> {
    for (let position = after; ; ) {
      const page = await retrying(isWanted, () => this.#host.readLog(position, PAGE));
      if (page === undefined) return position;
      const { version, records } = page;
      if (version < position) throw historyLost(position, version);
      for (const record of records) {
        // Not the one before it: trimmed away, or what was seen was lost with the server and is in no history any more.
        if (record.previous !== position) throw historyLost(position, version);
        position = record.version;
        await hand(record);
      }
      if (records.length === 0 && version > position) throw historyLost(position, version);
      if (records.length < PAGE) return position;
    }
  }

  readonly #isWatched = () => this.#subscriptions.size > 0;

  /** A record has come in. */
  async #take(text: Buffer): Promise<void> {
    const message = readMessage(text);
    const { version } = message;
    if (version === this.#last || !this.#isWatched()) return;
    this.#last = version;
    const { record } = message;
    const found = record ?? (await this.#fetchRecord(version));
    if (found === undefined) return;
    this.#host.hear(version);
    if (this.#position !== undefined && version > this.#position) {
      // The position is not in this history.
      if (found.previous < this.#position) throw historyLost(this.#position, version);
      this.#position = version;
    }
    await this.#handRound(found);
  }

  /** A pulse has come in: what was published before it has been taken. */
  async #advance(text: Buffer): Promise<void> {
    if (!this.#isWatched()) return;
    const [revision, isIncomplete, born] = text.toString().split(" ");
    const version = Number(revision);
    this.#host.hear(version);
    if (born !== "-") {
      this.#born ??= born;
      if (born !== this.#born) throw historyLost(this.#position ?? version, version);
    }
    if (this.#position === undefined) return;
    // Lower: it was on its way for longer than an answer of the log's, or the server lost its newest commits.
    if (isIncomplete === "1" || version < this.#position) await this.#readAll();
    else this.#position = version;
  }

  /** Something may be missing: after a new connection the log tells. */
  async #mend(): Promise<void> {
    await this.#host.feed.ready(this.#isWatched);
    await this.#readAll();
  }

  async #readAll(): Promise<void> {
    if (this.#position === undefined) return;
    const position = await this.#readOn(this.#position, this.#isWatched, (record) => this.#handRound(record));
    if (this.#position !== undefined) this.#position = position;
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
  #deliver({ ranges, queue, notBefore }: Subscription, { changes, time }: LogRecord): Promise<void> | undefined {
    if (time < notBefore) return undefined;
    const watched = changes.filter(({ key, space }) => ranges.some((range) => inRange(range, key, space)));
    const fetched = watched.filter((change) => change.type !== "unfetched");
    if (fetched.length < watched.length) return this.#deliverFetched(watched, queue);
    queue.push(fetched);
    return undefined;
  }

  async #deliverFetched(changes: readonly LoggedChange[], queue: ChangeQueue): Promise<void> {
    const batch: Change[] = [];
    for (const change of changes) {
      if (change.type !== "unfetched") {
        batch.push(change);
        continue;
      }
      const entry = await this.#fetch(change, queue);
      // If it has changed since then, that is in the log too.
      if (entry?.version === change.version)
        batch.push({
          type: "set",
          entry,
          key: entry.key,
          version: entry.version,
          ...(entry.space && { space: entry.space }),
        });
    }
    queue.push(batch);
  }

  /** The entry as it is now; tries until the server answers or nobody wants to know any more. */
  #fetch({ key, space }: { key: string; space?: Space }, queue: ChangeQueue): Promise<Entry | undefined> {
    return retrying(
      () => !queue.closed,
      () => this.#host.get(key, space),
    );
  }

  /** The record of a revision, from the log. */
  async #fetchRecord(version: number): Promise<LogRecord | undefined> {
    const page = await retrying(this.#isWatched, () => this.#host.readLog(version - 1, 1));
    if (page !== undefined && page.records[0]?.version !== version) throw historyLost(version - 1, page.version);
    return page?.records[0];
  }
}

function historyLost(after: number, version: number): StoreError {
  return new StoreError(
    "ERR_STORE_HISTORY_LOST",
    `what changed after version ${after} is no longer held (the store is at ${version}): list what there is, and watch from the version of that listing`,
  );
}
