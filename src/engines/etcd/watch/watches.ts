import { ChangeQueue } from "../../../engine/change-queue.ts";
import type { WatchOptions } from "../../../engine/contract.ts";
import type { Change } from "../../../engine/entry.ts";
import { inRange, type Range } from "../../../engine/range.ts";
import { historyLostError } from "../../../engine/standard-errors.ts";
import type { StoreError } from "../../../errors.ts";
import { backoff } from "../../../wait/backoff.ts";
import { pause } from "../../../wait/pause.ts";
import { type Cluster, LONGEST_PAUSE, Refusal, SHORTEST_PAUSE } from "../connect/cluster.ts";
import { STANDSTILL, type WatchStream } from "../connect/connection.ts";
import {
  FAILED_PRECONDITION,
  isCallFailure,
  isCompacted,
  isFuture,
  judge,
  PERMISSION_DENIED,
} from "../connect/etcd-error.ts";
import type { WatchRequest, WatchResponse } from "../connect/protocol.ts";
import type { Interval, Layout } from "../data/layout.ts";

/** After so many milliseconds of silence the stream is asked for a sign of life; without one for as long again it is given up. */
const SILENCE = 2000;
const PULSE = 500;

/**
 * One interval that the stream watches. Several ranges of one watch are watched as the interval that holds them all: etcd keeps
 * the order of revisions within an interval, but not between those that it catches up with.
 */
interface Watcher {
  readonly id: number;
  readonly interval: Interval;
  readonly ranges: readonly Range[];
  readonly queue: ChangeQueue;
  /** Everything below this version was passed on: from here it goes on after a new connection. */
  next: number;
  /** Whether it was refused once, perhaps only because the server had forgotten the token. */
  refused?: boolean;
}

interface Connected {
  readonly stream: WatchStream;
  readonly drop: () => void;
}

/**
 * All watches of an engine on one stream. When that ends or falls silent, another is opened, on the next member, and each
 * watcher goes on where it was; if the revisions since then were compacted, it ends with `ERR_STORE_HISTORY_LOST`.
 */
export class Watches {
  readonly #cluster: Cluster;
  readonly #layout: Layout;
  readonly #watchers = new Map<number, Watcher>();
  readonly #queues = new Set<ChangeQueue>();
  #ids = 0;
  #connected: Connected | undefined;
  /** Those whose creation is not yet answered. The server answers in order, and a refusal bears no number. */
  #creating: Watcher[] = [];
  #connecting = false;
  #failures = 0;
  #heardAt = 0;
  #asked = false;
  #pulseAt = 0;
  #pulse: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(cluster: Cluster, layout: Layout) {
    this.#cluster = cluster;
    this.#layout = layout;
  }

  open(ranges: readonly Range[], options: WatchOptions): ChangeQueue {
    // Without `from`: what this handle has heard of is the newest state before the call that can be told for certain.
    const from = options.from ?? this.#cluster.version;
    const interval = this.#layout.hull(ranges);
    const queue: ChangeQueue = new ChangeQueue({
      signal: options.signal,
      keepAlive: options.keepAlive,
      ended: () => {
        this.#queues.delete(queue);
        if (watcher !== undefined) this.#remove(watcher);
      },
    });
    const watcher: Watcher | undefined = interval && { id: ++this.#ids, interval, ranges, queue, next: from + 1 };
    if (queue.closed) return queue;
    this.#queues.add(queue);
    if (watcher === undefined) return queue;
    this.#watchers.set(watcher.id, watcher);
    if (this.#connected) this.#create(watcher);
    else this.#connect();
    return queue;
  }

  close(error: StoreError): void {
    this.#closed = true;
    for (const queue of [...this.#queues]) queue.fail(error);
    clearInterval(this.#pulse);
    this.#connected?.stream.cancel();
    this.#connected = undefined;
  }

  #remove(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher.id)) return;
    this.#send({ cancel_request: { watch_id: watcher.id } });
  }

  #fail(watcher: Watcher, error: unknown): void {
    this.#watchers.delete(watcher.id);
    watcher.queue.fail(error);
  }

  #send(request: WatchRequest): void {
    this.#connected?.stream.write(request);
  }

  #create(watcher: Watcher): void {
    const { id, interval, next } = watcher;
    this.#creating.push(watcher);
    this.#send({
      create_request: { ...interval, start_revision: next, progress_notify: true, watch_id: id },
    });
    // Only what lies behind may have been compacted, and only what lies ahead may never have been.
    if (next - 1 !== this.#cluster.version) this.#checkHistory(watcher, next - 1);
  }

  /**
   * Whether all that came after that version is still held. The server reports a start that was compacted away, but not one
   * that is the compacted revision itself, whose deletes are gone too.
   */
  async #checkHistory(watcher: Watcher, from: number): Promise<void> {
    if (from < 1) return;
    const { key } = this.#layout.all;
    try {
      await this.#cluster.call("KV.Range", { key, revision: from, count_only: true }, { keepAlive: false });
    } catch (error) {
      if (!(error instanceof Refusal) || !this.#watchers.has(watcher.id)) return;
      if (!isCompacted(error.failure) && !isFuture(error.failure)) return;
      // A store that was restored from a copy is behind the version that this process has seen, and lacks its history.
      const { version } = this.#cluster;
      this.#fail(watcher, historyLostError(from, version < from ? version : undefined));
    }
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#connected || this.#closed) return;
    this.#connecting = true;
    try {
      while (this.#watchers.size > 0 && !this.#closed) {
        const connected = await this.#cluster.watch();
        if (connected && !this.#closed) {
          this.#attach(connected);
          break;
        }
        connected?.stream.cancel();
        await this.#pause();
      }
    } catch (error) {
      for (const watcher of [...this.#watchers.values()]) this.#fail(watcher, error);
    } finally {
      this.#connecting = false;
    }
  }

  #pause(): Promise<void> {
    return pause(backoff(this.#failures++, SHORTEST_PAUSE, LONGEST_PAUSE), { keepAlive: false });
  }

  #attach(connected: Connected): void {
    this.#connected = connected;
    this.#creating = [];
    this.#listening();
    const { stream } = connected;
    stream.on("data", (response) => this.#receive(response));
    stream.on("error", (error) => this.#detach(connected, error));
    stream.on("end", () => this.#detach(connected));
    for (const watcher of [...this.#watchers.values()]) this.#create(watcher);
    this.#pulse ??= setInterval(() => this.#feelPulse(), PULSE).unref();
  }

  #detach(connected: Connected, error?: unknown): void {
    if (this.#connected !== connected) return;
    this.#connected = undefined;
    if (this.#closed) return;
    if (isCallFailure(error)) {
      const verdict = judge(error);
      if (verdict === "token") this.#cluster.forgetToken();
      if (verdict === "final" || (verdict === "token" && !this.#cluster.location.credentials)) {
        const reason = this.#cluster.explain(new Refusal(error));
        for (const watcher of [...this.#watchers.values()]) this.#fail(watcher, reason);
        return;
      }
      // The member is well connected to us, but not to its cluster, or is about to end.
      connected.drop();
    }
    this.#pause().then(() => this.#connect());
  }

  #listening(): void {
    this.#heardAt = performance.now();
    this.#asked = false;
  }

  #feelPulse(): void {
    const connected = this.#connected;
    const pulse = performance.now();
    const stoodStill = pulse - this.#pulseAt > PULSE + STANDSTILL;
    this.#pulseAt = pulse;
    if (!connected || this.#watchers.size === 0 || stoodStill) {
      this.#listening();
      return;
    }
    const silent = performance.now() - this.#heardAt;
    if (!this.#asked && silent >= SILENCE) {
      this.#asked = true;
      this.#heardAt = performance.now();
      this.#send({ progress_request: {} });
    } else if (this.#asked && silent >= SILENCE) {
      this.#connected = undefined;
      connected.stream.cancel();
      connected.drop();
      this.#connect();
    }
  }

  #receive(response: WatchResponse): void {
    this.#listening();
    this.#failures = 0;
    this.#cluster.onAnswer();
    const created = response.created ? this.#creating.shift() : undefined;
    const watcher = this.#watchers.get(created?.id ?? Number(response.watch_id));
    if (!watcher) return;
    if (response.canceled) {
      if (Number(response.compact_revision) > 0) this.#fail(watcher, historyLostError(watcher.next - 1, undefined));
      else this.#refuse(watcher, response.cancel_reason);
      return;
    }
    watcher.refused = false;
    if (response.created) return;
    const { events } = response;
    const newest = Number(events.length > 0 ? events.at(-1)!.kv.mod_revision : response.header?.revision);
    if (events.length > 0) this.#cluster.sawVersion(newest);
    // Without events it is a progress report: all up to its revision was sent.
    if (newest >= watcher.next) watcher.next = newest + 1;
    const changes: Change[] = [];
    for (const event of events) {
      const change = this.#layout.change(event);
      if (change && watcher.ranges.some((range) => inRange(range, change.key, change.space))) changes.push(change);
    }
    watcher.queue.push(changes);
  }

  #refuse(watcher: Watcher, reason: string): void {
    const connected = this.#connected;
    if (connected && this.#cluster.location.credentials && !watcher.refused) {
      watcher.refused = true;
      this.#cluster.forgetToken();
      this.#connected = undefined;
      connected.stream.cancel();
      this.#connect();
      return;
    }
    const code = /permission denied/.test(reason) ? PERMISSION_DENIED : FAILED_PRECONDITION;
    const failure = Object.assign(new Error(reason), { code, details: reason });
    this.#fail(watcher, this.#cluster.explain(new Refusal(failure)));
  }
}
