import { ChangeQueue } from "../../../engine/change-queue.ts";
import type { WatchOptions } from "../../../engine/contract.ts";
import { type Change, deleteChange, type Entry, type Space, setChange } from "../../../engine/entry.ts";
import { boundsOf, inRange, type Range, spaceKey } from "../../../engine/range.ts";
import { historyLostError } from "../../../engine/standard-errors.ts";
import { StoreError } from "../../../errors.ts";
import type { Connection } from "../database/connection.ts";
import type { Interest } from "../sessions/session-rows.ts";

interface Subscription {
  readonly ranges: readonly Range[];
  readonly queue: ChangeQueue;
  /** What has this version or an earlier one was delivered. */
  seen: number;
}

/** What a watcher needs of the engine that it belongs to. */
export interface WatcherHost {
  /** Registers and unregisters what this engine's session watches; resolves when it is in the store. */
  changeInterests(added: Interest[], removed: Interest[]): Promise<void>;
  /** The connection for a read; `undefined` if there is no store. */
  read<T>(body: (connection: Connection) => T): T | undefined;
  /** Whether the entry's time ran out or its owner is known to be dead. */
  hasEnded(entry: Entry, connection: Connection): boolean;
  /** Wants to hear of the end of these sessions. */
  watchOwners(sessions: Iterable<string>): void;
  /** Called when the first watch begins and when the last one ends. */
  watching(isWatching: boolean): void;
}

/** How long an ended watch stays registered, in milliseconds, so that one commit unregisters many. */
const LINGER = 50;

/**
 * The watches of one engine. What a watch is interested in stands in the store, so that the triggers note down each change
 * of it and the writers ring this engine's doorbell; then `pump()` reads the notes and hands them round.
 */
export class Watcher {
  readonly #host: WatcherHost;
  readonly #subscriptions = new Set<Subscription>();
  readonly #byKey = new Map<string, Set<Subscription>>();
  readonly #byRange = new Set<Subscription>();
  readonly #interests = new Map<string, { interest: Interest; count: number }>();
  readonly #idle = new Map<string, Interest>();
  #idleTimer: NodeJS.Timeout | undefined;
  /** What has this version or an earlier one was handed round. */
  #position = 0;

  constructor(host: WatcherHost) {
    this.#host = host;
  }

  watch(ranges: readonly Range[], options: WatchOptions): ChangeQueue {
    const queue = new ChangeQueue({
      signal: options.signal,
      keepAlive: options.keepAlive,
      ended: () => this.#end(subscription),
    });
    const subscription: Subscription = { ranges, queue, seen: 0 };
    if (queue.closed) return queue;
    try {
      subscription.seen = options.from ?? this.#host.read((connection) => connection.version()) ?? 0;
      if (this.#subscriptions.size === 0) this.#host.watching(true);
      this.#subscriptions.add(subscription);
      this.#begin(subscription).catch((error) => queue.fail(error));
    } catch (error) {
      queue.fail(error);
    }
    return queue;
  }

  /** Whether a watch sees an entry that is bound to the session. */
  isWatchingEntryOf(session: string): boolean {
    const found = this.#host.read((connection) =>
      connection.tables().some((table) => table.keysOf(session).some((key) => this.#isInteresting(key, table.space))),
    );
    return found ?? false;
  }

  /** Reads what was noted down since the last time, and hands it round. `false`: somebody was in the way. */
  pump(): boolean {
    if (this.#byKey.size === 0 && this.#byRange.size === 0) return true;
    try {
      this.#host.read((connection) => connection.read(() => this.#pump(connection)));
    } catch (error) {
      // Whoever is in the way is gone at the next look; a broken store is every watch's end.
      if (!(error instanceof StoreError)) return false;
      this.failAll(error);
    }
    return true;
  }

  /** Ends every watch with the error. */
  failAll(error: unknown): void {
    for (const { queue } of [...this.#subscriptions]) queue.fail(error);
  }

  /** Ends every watch with the error, for good. */
  close(error: StoreError): void {
    this.failAll(error);
    clearTimeout(this.#idleTimer);
  }

  async #begin(subscription: Subscription): Promise<void> {
    const added: Interest[] = [];
    for (const range of subscription.ranges) {
      const interest = interestOf(range);
      const id = interestId(interest);
      const known = this.#interests.get(id);
      if (known !== undefined) {
        known.count++;
        continue;
      }
      this.#interests.set(id, { interest, count: 1 });
      if (!this.#idle.delete(id)) added.push(interest);
    }
    // Always awaited: another watch may have just begun to register the same interest.
    await this.#host.changeInterests(added, []);
    if (subscription.queue.closed) return;
    this.#host.read((connection) =>
      connection.read(() => {
        if (this.#byKey.size === 0 && this.#byRange.size === 0) this.#position = connection.version();
        this.#route(subscription);
        this.#catchUp(connection, subscription);
      }),
    );
  }

  #end(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return;
    this.#byRange.delete(subscription);
    for (const range of subscription.ranges) {
      if (range.key !== undefined) {
        const key = spaceKey(range.key, range.space);
        const others = this.#byKey.get(key);
        others?.delete(subscription);
        if (others?.size === 0) this.#byKey.delete(key);
      }
      const id = interestId(interestOf(range));
      const known = this.#interests.get(id);
      if (known === undefined || --known.count > 0) continue;
      this.#interests.delete(id);
      this.#idle.set(id, known.interest);
    }
    if (this.#subscriptions.size === 0) this.#host.watching(false);
    this.#idleTimer ??= setTimeout(() => this.#unregister(), LINGER).unref();
  }

  #unregister(): void {
    this.#idleTimer = undefined;
    const removed = [...this.#idle.values()];
    this.#idle.clear();
    // What stays registered in vain costs a ring now and then, and goes with the session.
    if (removed.length > 0) this.#host.changeInterests([], removed).catch(() => {});
  }

  #route(subscription: Subscription): void {
    for (const range of subscription.ranges) {
      if (range.key === undefined) {
        this.#byRange.add(subscription);
        continue;
      }
      const key = spaceKey(range.key, range.space);
      const others = this.#byKey.get(key);
      if (others === undefined) this.#byKey.set(key, new Set([subscription]));
      else others.add(subscription);
    }
  }

  #pump(connection: Connection): void {
    const version = connection.version();
    if (version === this.#position) return;
    if (this.#position < connection.forgotten() || version < this.#position) {
      for (const subscription of this.#subscriptions) {
        subscription.seen = Math.max(subscription.seen, this.#position);
        this.#catchUp(connection, subscription);
      }
    } else {
      const changes = this.#latest(connection, connection.changesAfter(this.#position));
      const batches = new Map<Subscription, Change[]>();
      for (const change of changes)
        for (const subscription of this.#interested(change)) {
          if (change.version <= subscription.seen) continue;
          const batch = batches.get(subscription);
          if (batch === undefined) batches.set(subscription, [change]);
          else batch.push(change);
        }
      for (const [subscription, batch] of batches) subscription.queue.push(batch);
      this.#host.watchOwners(ownersOf(changes));
    }
    this.#position = version;
  }

  /** What the noted keys are now, in the order of versions. */
  #latest(
    connection: Connection,
    notes: readonly { version: number; key: string; space: Space | undefined }[],
  ): Change[] {
    const latest = new Map<string, (typeof notes)[number]>();
    for (const note of notes) {
      const id = spaceKey(note.key, note.space);
      latest.delete(id);
      latest.set(id, note);
    }
    const changes: Change[] = [];
    for (const { key, space, version } of latest.values()) {
      if (!this.#isInteresting(key, space)) continue;
      const entry = connection.table(space)?.get(key);
      changes.push(
        entry === undefined || this.#host.hasEnded(entry, connection)
          ? deleteChange({ key, ...(space && { space }) }, version)
          : setChange(entry),
      );
    }
    return changes.sort((a, b) => a.version - b.version);
  }

  #isInteresting(key: string, space: Space | undefined): boolean {
    if (this.#byKey.has(spaceKey(key, space))) return true;
    for (const { ranges } of this.#byRange) if (ranges.some((range) => inRange(range, key, space))) return true;
    return false;
  }

  *#interested({ key, space }: Change): Iterable<Subscription> {
    const exact = this.#byKey.get(spaceKey(key, space));
    if (exact !== undefined) yield* exact;
    for (const subscription of this.#byRange) {
      if (exact?.has(subscription)) continue;
      if (subscription.ranges.some((range) => inRange(range, key, space))) yield subscription;
    }
  }

  /** Delivers what changed in the subscription's ranges after what it has seen, by looking at them whole. */
  #catchUp(connection: Connection, subscription: Subscription): void {
    const version = connection.version();
    const { ranges, queue, seen } = subscription;
    const owners = new Set<string>();
    for (const range of ranges)
      for (const session of connection.table(range.space)?.sessionsIn(range) ?? []) owners.add(session);
    this.#host.watchOwners(owners);
    if (seen === version) return;
    if (seen > version || seen < connection.forgotten()) {
      queue.fail(historyLostError(seen, version));
      return;
    }
    const changes = new Map<string, Change>();
    const within = (key: string, space: Space | undefined) => ranges.some((range) => inRange(range, key, space));
    for (const { key, space, version } of connection.changesAfter(seen)) {
      if (within(key, space))
        changes.set(spaceKey(key, space), deleteChange({ key, ...(space && { space }) }, version));
    }
    for (const range of ranges)
      for (const entry of connection.table(range.space)?.list(range, seen) ?? []) {
        if (!this.#host.hasEnded(entry, connection)) changes.set(spaceKey(entry.key, entry.space), setChange(entry));
      }
    queue.push([...changes.values()].sort((a, b) => a.version - b.version));
    subscription.seen = version;
  }
}

function interestOf(range: Range): Interest {
  const system = range.space === undefined ? 0 : 1;
  if (range.key !== undefined) return { system, first: range.key };
  const { start, end } = boundsOf(range);
  return { system, first: start, past: end ?? null };
}

function interestId({ system, first, past }: Interest): string {
  return JSON.stringify([system, first, past]);
}

function ownersOf(changes: readonly Change[]): Set<string> {
  const owners = new Set<string>();
  for (const change of changes) if (change.type === "set" && change.entry.session) owners.add(change.entry.session);
  return owners;
}
