import { ChangeQueue } from "../../engine/change-queue.ts";
import type { WatchOptions } from "../../engine/engine.ts";
import { type Change, type Entry, inRange, type Range, type Space } from "../../engine/entry.ts";
import { StoreError } from "../../errors.ts";
import type { Reply } from "./link.ts";
import { type LogRecord, readRecord } from "./wire.ts";

/** What the watches need of their engine. */
export interface LogHost {
  /** The newest revision that this engine has heard of. */
  heard(): number;
  /** The server's revision and its time in milliseconds. */
  now(): Promise<{ version: number; time: number }>;
  /** The log after a revision, `count` records at most, and the revision now. */
  readLog(after: number, count: number): Promise<{ version: number; records: LogRecord[] }>;
  /** Waits for records after a revision, some seconds at most; on a connection of its own. */
  awaitLog(after: number): Promise<LogRecord[]>;
  get(key: string, space: Space | undefined): Promise<Entry | undefined>;
  /** Called when the first watch begins and when the last one ends. */
  watching(isWatching: boolean): void;
}

interface Subscription {
  readonly ranges: readonly Range[];
  readonly queue: ChangeQueue;
  /** What has this version or an earlier one was delivered. */
  seen: number;
  /** Changes before this time of the server's, in milliseconds, are none of its own. */
  notBefore: number;
  /** Records that came while it was catching up. */
  early: LogRecord[] | undefined;
}

interface Reader {
  /** It hands on what came after this version. */
  readonly from: number;
  stopped: boolean;
}

const PAGE = 256;
/** Pauses between tries while the server is away, in milliseconds. */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 500;

/** The watches of one engine: one reader of the store's log hands round what each of them watches. */
export class LogWatch {
  readonly #host: LogHost;
  readonly #subscriptions = new Set<Subscription>();
  #reader: Reader | undefined;
  #isClosed = false;

  constructor(host: LogHost) {
    this.#host = host;
  }

  watch(ranges: readonly Range[], { from, signal, keepAlive }: WatchOptions): ChangeQueue {
    const queue = new ChangeQueue({ signal, keepAlive, ended: () => this.#end(subscription) });
    const subscription: Subscription = { ranges, queue, seen: from ?? this.#host.heard(), notBefore: 0, early: [] };
    if (queue.closed) return queue;
    if (this.#subscriptions.size === 0) this.#host.watching(true);
    this.#subscriptions.add(subscription);
    void this.#begin(subscription, from === undefined);
    return queue;
  }

  close(error: StoreError): void {
    this.#isClosed = true;
    for (const { queue } of [...this.#subscriptions]) queue.fail(error);
  }

  #end(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return;
    if (this.#subscriptions.size > 0) return;
    if (this.#reader !== undefined) this.#reader.stopped = true;
    this.#reader = undefined;
    this.#host.watching(false);
  }

  /** Delivers what has happened since the version that it has seen, then joins the others. */
  async #begin(subscription: Subscription, isNew: boolean): Promise<void> {
    const { queue } = subscription;
    try {
      if (isNew) await this.#skipOld(subscription);
      let version: number;
      // A reader that another watch began meanwhile hands on only what came after it began.
      do {
        version = await this.#catchUp(subscription);
        if (queue.closed) return;
      } while (this.#reader !== undefined && this.#reader.from > version);
      if (this.#reader === undefined) {
        const reader = { from: version, stopped: false };
        this.#reader = reader;
        this.#read(reader).catch((error: unknown) => {
          if (!reader.stopped) this.#fail(error);
        });
      }
      // One await at a time: more may come in while the last of them is fetched.
      for (const early = subscription.early!; early.length > 0; ) {
        const record = early.shift()!;
        if (record.version <= version) continue;
        await this.#deliver(subscription, record);
        version = record.version;
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

  async #catchUp(subscription: Subscription): Promise<number> {
    for (let pause = FIRST_PAUSE; ; ) {
      try {
        for (;;) {
          const { version, records } = await this.#host.readLog(subscription.seen, PAGE);
          if (subscription.queue.closed) return version;
          if (version < subscription.seen) throw historyLost(subscription.seen, version);
          let { seen } = subscription;
          for (const record of records) {
            // Not the one before it: trimmed away, or what was seen was lost with the server and is in no history any more.
            if (record.previous !== seen) throw historyLost(subscription.seen, version);
            seen = record.version;
            await this.#deliver(subscription, record);
          }
          if (records.length === 0 && version > seen) throw historyLost(subscription.seen, version);
          subscription.seen = Math.max(subscription.seen, seen);
          if (records.length < PAGE) return seen;
        }
      } catch (error) {
        if (!isPassing(error) || this.#isClosed) throw error;
        await sleep(pause);
        if (subscription.queue.closed) return subscription.seen;
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  }

  async #read(reader: Reader): Promise<void> {
    let position = reader.from;
    for (let pause = FIRST_PAUSE; !reader.stopped; ) {
      let records: LogRecord[];
      try {
        records = await this.#host.awaitLog(position);
        pause = FIRST_PAUSE;
      } catch (error) {
        if (reader.stopped) return;
        if (!isPassing(error)) return this.#fail(error);
        await sleep(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
        continue;
      }
      // A server that lost its newest commits is behind. The connection may have come back unnoticed, so silence is asked about.
      if (records.length === 0) {
        const now = await this.#host.readLog(position, 1).catch(() => undefined);
        if (reader.stopped) return;
        if (now !== undefined && now.version < position) return this.#fail(historyLost(position, now.version));
      }
      for (const record of records) {
        if (reader.stopped) return;
        if (record.previous !== position) return this.#fail(historyLost(position, record.version));
        position = record.version;
        for (const subscription of [...this.#subscriptions]) {
          if (subscription.early !== undefined) subscription.early.push(record);
          else await this.#deliver(subscription, record);
        }
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#reader !== undefined) this.#reader.stopped = true;
    this.#reader = undefined;
    for (const { queue } of [...this.#subscriptions]) queue.fail(error);
  }

  async #deliver({ ranges, queue, notBefore }: Subscription, { changes, time }: LogRecord): Promise<void> {
    if (time < notBefore) return;
    const batch: Change[] = [];
    for (const change of changes) {
      if (!ranges.some((range) => inRange(range, change.key, change.space))) continue;
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
  async #fetch({ key, space }: { key: string; space?: Space }, queue: ChangeQueue): Promise<Entry | undefined> {
    for (let pause = FIRST_PAUSE; !queue.closed; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        return await this.#host.get(key, space);
      } catch (error) {
        if (!isPassing(error)) throw error;
        await sleep(pause);
      }
    }
    return undefined;
  }
}

/** The records of a stream's entries, `[id, [field, value]]` each. */
export function readRecords(entries: readonly Reply[]): LogRecord[] {
  return entries.map((entry) => {
    const [id, fields] = entry as [Buffer, Reply[]];
    return readRecord(Number(id.toString().split("-")[0]), fields[1] as Buffer);
  });
}

function historyLost(after: number, version: number): StoreError {
  return new StoreError(
    "ERR_STORE_HISTORY_LOST",
    `what changed after version ${after} is no longer held (the store is at ${version}): list what there is, and watch from the version of that listing`,
  );
}

function isPassing(error: unknown): boolean {
  return (
    error instanceof StoreError &&
    (error.code === "ERR_STORE_UNAVAILABLE" || error.code === "ERR_STORE_OUTCOME_UNKNOWN")
  );
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
