import { invalidType, invalidValue, outOfRange } from "../errors.ts";
import type { EngineCapabilities } from "./capabilities.ts";
import type {
  Awaitable,
  Check,
  Commit,
  CommitOptions,
  CommitResult,
  Engine,
  EngineInfo,
  Listing,
  Mutation,
  Session,
  SessionOptions,
  Watch,
  WatchOptions,
} from "./contract.ts";
import type { Change, Entry, Space } from "./entry.ts";
import { checkKey } from "./limits.ts";
import { pages } from "./pages.ts";
import type { Range, RangeRead } from "./range.ts";
import { closedError } from "./standard-errors.ts";
import { checkCommit, checkRange, checkWatch } from "./validate.ts";

/**
 * A part of an engine as an engine of its own: the user's keys are those that begin with `prefix`, shown without it, and
 * what coordination keeps is apart from that of the whole and of every other prefix. `close()` ends the sessions and watches
 * that were opened through it, and leaves the engine below open.
 */
export function namespaced(engine: Engine, prefix: string): Engine {
  if (typeof prefix !== "string") throw invalidType("prefix", "a string", prefix);
  if (prefix === "") throw invalidValue("prefix", "a string that is not empty", prefix);
  checkKey(prefix, engine.capabilities.limits, "prefix");
  return engine instanceof NamespacedEngine ? engine.narrow(prefix) : new NamespacedEngine(engine, prefix);
}

/** Whether the keys of one engine are the keys of the other: both are the same handle, or the same namespace of one. */
export function hasSameKeys(a: Engine, b: Engine): boolean {
  const [one, other] = [a, b].map((engine) =>
    engine instanceof NamespacedEngine ? engine : { whole: engine, prefix: "" },
  );
  return one!.whole === other!.whole && one!.prefix === other!.prefix;
}

class NamespacedEngine implements Engine {
  readonly capabilities: EngineCapabilities;
  readonly whole: Engine;
  readonly prefix: string;
  /** `systemKey` escapes the `/` in a part, so that no key of coordination itself can begin with this. */
  readonly #systemPrefix: string;
  readonly #sessions = new Set<Session>();
  readonly #watches = new Set<AbortController>();
  #closing: Promise<void> | undefined;

  constructor(whole: Engine, prefix: string) {
    this.whole = whole;
    this.prefix = prefix;
    this.#systemPrefix = `namespace/${encodeURIComponent(prefix)}/`;
    const { limits } = whole.capabilities;
    const keyBytes = limits.keyBytes - Math.max(Buffer.byteLength(prefix), this.#systemPrefix.length);
    if (keyBytes < 1) throw outOfRange("prefix", "a string that leaves room for keys", `${prefix.length} characters`);
    this.capabilities = { ...whole.capabilities, limits: { ...limits, keyBytes } };
  }

  get name(): string {
    return this.whole.name;
  }

  /** The namespace of both prefixes, so that `a` in `b` is the same as `ba`. */
  narrow(prefix: string): Engine {
    return new NamespacedEngine(this.whole, this.prefix + prefix);
  }

  get(key: string, space?: Space): Awaitable<Entry | undefined> {
    this.#assertOpen();
    checkKey(key, this.capabilities.limits);
    const entry = this.whole.get(this.#full(key, space), space);
    return entry instanceof Promise ? entry.then((found) => found && this.#bare(found)) : entry && this.#bare(entry);
  }

  list(range: RangeRead): Awaitable<Listing> {
    this.#assertOpen();
    checkRange(range, this.capabilities.limits);
    const listing = this.whole.list(this.#fullRange(range));
    return listing instanceof Promise ? listing.then((read) => this.#bareListing(read)) : this.#bareListing(listing);
  }

  commit(commit: Commit, options?: CommitOptions): Awaitable<CommitResult> {
    this.#assertOpen();
    checkCommit(commit, this.capabilities.limits);
    const result = this.whole.commit(
      {
        checks: (commit.checks ?? []).map((check) => this.#fullCheck(check)),
        mutations: (commit.mutations ?? []).map((mutation) => this.#fullMutation(mutation)),
        reads: (commit.reads ?? []).map((read) => this.#fullRange(read)),
      },
      options,
    );
    return result instanceof Promise ? result.then((made) => this.#bareResult(made)) : this.#bareResult(result);
  }

  watch(ranges: readonly Range[], options: WatchOptions = {}): Watch<Change[]> {
    this.#assertOpen();
    checkWatch(ranges, options, this.capabilities.limits);
    const { signal, ...others } = options;
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    const changes = this.whole.watch(
      ranges.map((range) => this.#fullRange(range)),
      { ...others, signal: stop.signal },
    );
    const ended = () => {
      signal?.removeEventListener("abort", abort);
      this.#watches.delete(stop);
    };
    if (!stop.signal.aborted) {
      signal?.addEventListener("abort", abort, { once: true });
      this.#watches.add(stop);
    }
    return new NamespacedWatch(changes, (change) => this.#bareChange(change), ended);
  }

  async openSession(options?: SessionOptions): Promise<Session> {
    this.#assertOpen();
    const session = await this.whole.openSession(options);
    if (this.#closing !== undefined) {
      await session.close();
      this.#assertOpen();
    }
    this.#sessions.add(session);
    session.signal.addEventListener("abort", () => this.#sessions.delete(session), { once: true });
    return session;
  }

  async info(): Promise<EngineInfo> {
    this.#assertOpen();
    const info = await this.whole.info();
    let keys = 0;
    for await (const page of pages(this, {})) keys += page.length;
    return { ...info, keys, details: { ...info.details, namespace: this.prefix } };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const sessions = [...this.#sessions];
    for (const stop of [...this.#watches]) stop.abort(closedError("namespace", this.prefix));
    await Promise.all(sessions.map((session) => session.close()));
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError("namespace", this.prefix);
  }

  #prefixOf(space: Space | undefined): string {
    return space === undefined ? this.prefix : this.#systemPrefix;
  }

  #full(key: string, space: Space | undefined): string {
    return this.#prefixOf(space) + key;
  }

  #fullRange<R extends Range>(range: R): R {
    const own = this.#prefixOf(range.space);
    if (range.key !== undefined) return { ...range, key: own + range.key };
    return {
      ...range,
      prefix: own + (range.prefix ?? ""),
      ...(range.start !== undefined && { start: own + range.start }),
      ...(range.end !== undefined && { end: own + range.end }),
    };
  }

  #fullCheck(check: Check): Check {
    if ("empty" in check) return { empty: this.#fullRange(check.empty) };
    return { ...check, key: this.#full(check.key, check.space) };
  }

  #fullMutation(mutation: Mutation): Mutation {
    return { ...mutation, key: this.#full(mutation.key, mutation.space) };
  }

  #bare(entry: Entry): Entry {
    return { ...entry, key: entry.key.slice(this.#prefixOf(entry.space).length) };
  }

  #bareListing({ entries, version }: Listing): Listing {
    return { entries: entries.map((entry) => this.#bare(entry)), version };
  }

  #bareResult({ ok, version, reads }: CommitResult): CommitResult {
    return { ok, version, reads: reads.map((entries) => entries.map((entry) => this.#bare(entry))) };
  }

  #bareChange(change: Change): Change {
    const key = change.key.slice(this.#prefixOf(change.space).length);
    return change.type === "set" ? { ...change, key, entry: this.#bare(change.entry) } : { ...change, key };
  }
}

class NamespacedWatch implements Watch<Change[]> {
  readonly #changes: Watch<Change[]>;
  readonly #bare: (change: Change) => Change;
  readonly #ended: () => void;

  constructor(changes: Watch<Change[]>, bare: (change: Change) => Change, ended: () => void) {
    this.#changes = changes;
    this.#bare = bare;
    this.#ended = ended;
  }

  async next(): Promise<IteratorResult<Change[]>> {
    try {
      const result = await this.#changes.next();
      if (!result.done) return { done: false, value: result.value.map(this.#bare) };
    } catch (error) {
      this.#ended();
      throw error;
    }
    this.#ended();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Change[]>> {
    this.#ended();
    await this.#changes.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
