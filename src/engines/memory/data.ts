import { ChangeQueue } from "../../engine/change-queue.ts";
import type { Check, Commit, CommitResult, Listing, Mutation, WatchOptions } from "../../engine/contract.ts";
import { type Change, deleteChange, type Entry, type Space, setChange, type Value } from "../../engine/entry.ts";
import { boundsOf, inRange, type Range, type RangeRead, spaceKey } from "../../engine/range.ts";
import { historyLostError, sessionEndedError } from "../../engine/standard-errors.ts";
import { Expiries } from "./expiries.ts";
import { SortedKeys } from "./sorted-keys.ts";

interface Watch {
  readonly ranges: readonly Range[];
  readonly queue: ChangeQueue;
}

/**
 * The data that the handles of one name share. History is what the entries themselves tell (each knows its version)
 * and, of the deletes, the newest ones: a watch resumes `from` any version that is not older than the newest delete forgotten.
 */
export class MemoryData {
  #version = 0;
  #initialized = false;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = { user: new SortedKeys(), system: new SortedKeys() };
  readonly #deletes = new Map<string, Change>();
  readonly #historyLimit: number;
  /** The newest version of which a delete was forgotten. */
  #forgotten = 0;
  readonly #sessions = new Map<string, Set<string>>();
  readonly #watches = new Set<Watch>();
  readonly #expiries = new Expiries(() => this.#expire());

  constructor(historyLimit: number) {
    this.#historyLimit = historyLimit;
  }

  get version(): number {
    return this.#version;
  }

  get initialized(): boolean {
    return this.#initialized;
  }

  /** The number of the user's keys. */
  get size(): number {
    this.#expire();
    return this.#keys.user.size;
  }

  get(key: string, space?: Space): Entry | undefined {
    this.#expire();
    const entry = this.#entries.get(spaceKey(key, space));
    return entry && copyEntry(entry);
  }

  list(range: RangeRead): Listing {
    this.#expire();
    return { entries: this.#read(range), version: this.#version };
  }

  commit(commit: Commit): CommitResult {
    this.#expire();
    const { checks = [], mutations = [], reads = [] } = commit;
    const ok = checks.every((check) => this.#holds(check));
    if (ok && mutations.length > 0) this.#apply(mutations);
    return { ok, version: this.#version, reads: reads.map((read) => this.#read(read)) };
  }

  watch(ranges: readonly Range[], options: WatchOptions, ended: (queue: ChangeQueue) => void): ChangeQueue {
    this.#expire();
    const queue: ChangeQueue = new ChangeQueue({
      signal: options.signal,
      keepAlive: options.keepAlive,
      ended: () => {
        this.#watches.delete(watch);
        ended(queue);
      },
    });
    const watch: Watch = { ranges, queue };
    if (queue.closed) return queue;
    this.#watches.add(watch);
    const { from } = options;
    if (from === undefined) return queue;
    if (from < this.#forgotten || from > this.#version) queue.fail(historyLostError(from, this.#version));
    else queue.push(this.#since(from).filter((change) => interests(ranges, change)));
    return queue;
  }

  openSession(id: string): void {
    this.#sessions.set(id, new Set());
  }

  /** Ends the session and deletes its entries, in one step. */
  endSession(id: string): void {
    const names = this.#sessions.get(id);
    if (!names) return;
    this.#sessions.delete(id);
    const mutations: Mutation[] = [];
    for (const name of names) {
      const { key, space } = this.#entries.get(name)!;
      mutations.push({ type: "delete", key, ...(space && { space }) });
    }
    this.#apply(mutations);
  }

  /** Forgets everything: the last handle was closed. */
  clear(): void {
    this.#expiries.clear();
    this.#entries.clear();
  }

  #holds(check: Check): boolean {
    if ("empty" in check) return this.#read({ ...check.empty, limit: 1 }).length === 0;
    return (this.#entries.get(spaceKey(check.key, check.space))?.version ?? 0) === check.version;
  }

  #read(range: RangeRead): Entry[] {
    const { start, end } = boundsOf(range);
    const keys = this.#keys[range.space ?? "user"];
    const byCreation = range.order === "created";
    const found = byCreation ? keys.between(start, end) : keys.between(start, end, range.limit, range.reverse);
    let entries = found.map((key) => this.#entries.get(spaceKey(key, range.space))!);
    if (byCreation) {
      entries.sort((a, b) => a.createdVersion - b.createdVersion);
      if (range.reverse) entries.reverse();
      if (range.limit !== undefined) entries = entries.slice(0, range.limit);
    }
    return entries.map(copyEntry);
  }

  #apply(mutations: readonly Mutation[]): void {
    for (const mutation of mutations)
      if (mutation.type === "set" && mutation.session !== undefined && !this.#sessions.has(mutation.session))
        throw sessionEndedError(mutation.session);
    const effective = mutations.filter(
      ({ type, key, space }) => type === "set" || this.#entries.has(spaceKey(key, space)),
    );
    if (effective.length === 0) return;
    this.#version++;
    const changes = effective.map((mutation) =>
      mutation.type === "set" ? this.#set(mutation) : this.#delete(mutation.key, mutation.space),
    );
    for (const { ranges, queue } of [...this.#watches])
      queue.push(changes.filter((change) => interests(ranges, change)));
  }

  #set(mutation: Mutation & { type: "set" }): Change {
    const { key, space, session, ttl } = mutation;
    const name = spaceKey(key, space);
    const before = this.#entries.get(name);
    if (before?.session !== undefined) this.#sessions.get(before.session)!.delete(name);
    const version = this.#version;
    const entry: Entry = {
      key,
      ...(space && { space }),
      value: copyValue(mutation.value),
      version,
      createdVersion: before?.createdVersion ?? version,
      ...(session !== undefined && { session }),
      ...(ttl !== undefined && { expiresAt: Date.now() + Math.ceil(ttl) }),
    };
    this.#entries.set(name, entry);
    this.#deletes.delete(name);
    if (!before) this.#keys[space ?? "user"].add(key);
    if (space === undefined) this.#initialized = true;
    if (session !== undefined) this.#sessions.get(session)!.add(name);
    if (entry.expiresAt !== undefined) this.#expiries.add({ at: entry.expiresAt, key, space, version });
    return setChange(entry);
  }

  #delete(key: string, space: Space | undefined): Change {
    const name = spaceKey(key, space);
    const { session } = this.#entries.get(name)!;
    if (session !== undefined) this.#sessions.get(session)?.delete(name);
    this.#entries.delete(name);
    this.#keys[space ?? "user"].delete(key);
    const change = deleteChange({ key, ...(space && { space }) }, this.#version);
    this.#deletes.set(name, change);
    if (this.#deletes.size > this.#historyLimit) {
      const [oldest, { version }] = this.#deletes.entries().next().value!;
      this.#deletes.delete(oldest);
      this.#forgotten = version;
    }
    return change;
  }

  #since(from: number): Change[] {
    const changes: Change[] = [...this.#deletes.values()].filter(({ version }) => version > from);
    for (const entry of this.#entries.values()) {
      if (entry.version > from) changes.push(setChange(entry));
    }
    return changes.sort((a, b) => a.version - b.version);
  }

  #expire(): void {
    const ended = this.#expiries.take(Date.now());
    if (ended.length === 0) return;
    const current = ended.filter(
      ({ key, space, version }) => this.#entries.get(spaceKey(key, space))?.version === version,
    );
    this.#apply(current.map(({ key, space }) => ({ type: "delete", key, ...(space && { space }) })));
  }
}

function interests(ranges: readonly Range[], change: Change): boolean {
  return ranges.some((range) => inRange(range, change.key, change.space));
}

function copyValue(value: Value): Value {
  return typeof value === "string" ? value : new Uint8Array(value);
}

function copyEntry(entry: Entry): Entry {
  return { ...entry, value: copyValue(entry.value) };
}
