import * as crypto from "node:crypto";
import type { EngineCapabilities } from "../../engine/capabilities.ts";
import type { ChangeQueue } from "../../engine/change-queue.ts";
import type {
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
import { invalidType } from "../../errors.ts";
import { MemoryData } from "./data.ts";

const MEMORY_CAPABILITIES: EngineCapabilities = {
  reach: "process",
  persistent: false,
  liveness: "kernel",
  ttlResolution: 1,
  ttlMinimum: 1,
  losesOnFailover: false,
  limits: FILE_LIMITS,
};

export interface MemoryOptions {
  /** How many deletes a resumed watch can look back on. Default 10,000. Counts where the name is first opened. */
  readonly history?: number;
}

interface Shared {
  readonly data: MemoryData;
  handles: number;
}

const named = new Map<string, Shared>();

/**
 * An engine in the memory of this thread, for tests and for programs of one process. Handles opened with the same name
 * share their data until the last of them is closed; without a name the data are the handle's own. Worker threads share nothing.
 */
export function memoryEngine(name?: string, options: MemoryOptions = {}): Engine {
  if (name !== undefined && typeof name !== "string") throw invalidType("name", "a string", name);
  const shared = (name !== undefined && named.get(name)) || {
    data: new MemoryData(options.history ?? 10_000),
    handles: 0,
  };
  if (name !== undefined) named.set(name, shared);
  shared.handles++;
  return new MemoryEngine(name, shared);
}

class MemoryEngine implements Engine {
  readonly name = "memory";
  readonly capabilities = MEMORY_CAPABILITIES;
  readonly #location: string | undefined;
  readonly #shared: Shared;
  readonly #sessions = new Set<MemorySession>();
  readonly #watches = new Set<ChangeQueue>();
  #closed = false;

  constructor(location: string | undefined, shared: Shared) {
    this.#location = location;
    this.#shared = shared;
  }

  get(key: string, space?: Space): Entry | undefined {
    checkKey(key, this.capabilities.limits);
    return this.#open().get(key, space);
  }

  list(range: RangeRead): Listing {
    checkRange(range, this.capabilities.limits);
    return this.#open().list(range);
  }

  commit(commit: Commit, options: CommitOptions = {}): CommitResult {
    checkCommit(commit, this.capabilities.limits);
    options.signal?.throwIfAborted();
    return this.#open().commit(commit);
  }

  watch(ranges: readonly Range[], options: WatchOptions = {}): Watch<Change[]> {
    checkWatch(ranges, options, this.capabilities.limits);
    const queue = this.#open().watch(ranges, options, (ended) => this.#watches.delete(ended));
    if (!queue.closed) this.#watches.add(queue);
    return queue;
  }

  async openSession(): Promise<Session> {
    const session = new MemorySession(this.#open(), (ended) => this.#sessions.delete(ended));
    this.#sessions.add(session);
    return session;
  }

  info(): EngineInfo {
    const data = this.#open();
    return {
      engine: this.name,
      location: `memory:${this.#location ?? ""}`,
      initialized: data.initialized,
      keys: data.size,
      version: data.version,
      durability: "none: the values end with the last handle",
      details: { handles: this.#shared.handles },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const session of this.#sessions) session.end();
    for (const watch of this.#watches) watch.fail(closedError("store", `memory:${this.#location ?? ""}`));
    if (--this.#shared.handles > 0) return;
    if (this.#location !== undefined) named.delete(this.#location);
    this.#shared.data.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): MemoryData {
    if (this.#closed) throw closedError("store", `memory:${this.#location ?? ""}`);
    return this.#shared.data;
  }
}

class MemorySession implements Session {
  readonly id = crypto.randomUUID();
  readonly #data: MemoryData;
  readonly #abort = new AbortController();
  readonly #ended: (session: MemorySession) => void;

  constructor(data: MemoryData, ended: (session: MemorySession) => void) {
    this.#data = data;
    this.#ended = ended;
    data.openSession(this.id);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    if (this.signal.aborted) return;
    this.#ended(this);
    this.#data.endSession(this.id);
    this.#abort.abort(closedError("session", this.id));
  }

  async close(): Promise<void> {
    this.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }
}
