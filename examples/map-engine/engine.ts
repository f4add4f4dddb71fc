import { randomUUID } from "node:crypto";
import type { Change, Check, Engine, Entry, Mutation, Range, RangeRead } from "ipctools/engine";
import * as kit from "ipctools/engine";

const CAPABILITIES: kit.EngineCapabilities = {
  reach: "process",
  persistent: false,
  liveness: "kernel",
  ttlResolution: 10,
  ttlMinimum: 1,
  losesOnFailover: false,
  limits: { keyBytes: 1024, valueBytes: 1_000_000, commitOperations: 1000, commitBytes: 8_000_000 },
};
const copyOf = (entry: Entry): Entry => ({ ...entry, value: copyOfValue(entry.value) });
const copyOfValue = (value: kit.Value) => (typeof value === "string" ? value : new Uint8Array(value));
const deletion = ({ key, space }: Entry): Mutation => ({ type: "delete", key, ...(space && { space }) });

/** An engine in a `Map`: everything that the contract asks for, in the plainest way. It never forgets a deleted key. */
export function openMapEngine(): Engine {
  let version = 0;
  let isClosed = false;
  /** The latest change of each key, deleted keys included. */
  const latest = new Map<string, Change>();
  const sessions = new Map<string, AbortController>();
  const watches = new Map<kit.ChangeQueue, readonly Range[]>();
  const timer = setInterval(expire, 10).unref();

  function begin(): void {
    if (isClosed) throw kit.closedError("store", "map:");
    expire();
  }

  function entryAt({ key, space }: { key: string; space?: kit.Space }): Entry | undefined {
    const change = latest.get(kit.spaceKey(key, space));
    return change?.type === "set" ? change.entry : undefined;
  }

  function entriesWhere(matches: (entry: Entry) => boolean): Entry[] {
    const entries = [...latest.values()].flatMap((change) => (change.type === "set" ? change.entry : []));
    return entries.filter(matches);
  }

  function read({ order, reverse, limit, ...range }: RangeRead): Entry[] {
    const found = entriesWhere(({ key, space }) => kit.inRange(range, key, space));
    found.sort((a, b) => (order === "created" && a.createdVersion - b.createdVersion) || kit.compareKeys(a.key, b.key));
    return (reverse ? found.reverse() : found).slice(0, limit).map(copyOf);
  }

  function changesAfter(from: number, ranges: readonly Range[]): Change[] {
    return [...latest.values()]
      .filter((change) => change.version > from && ranges.some((range) => kit.inRange(range, change.key, change.space)))
      .sort((a, b) => a.version - b.version);
  }

  function apply(mutations: readonly Mutation[]): void {
    const effective = mutations.filter((mutation) => mutation.type === "set" || entryAt(mutation) !== undefined);
    if (effective.length === 0) return;
    version++;
    for (const mutation of effective) {
      const { key, space } = mutation;
      let change = kit.deleteChange(mutation, version);
      if (mutation.type === "set") {
        const { value, session, ttl } = mutation;
        change = kit.setChange({
          ...{ key, ...(space && { space }), version },
          value: copyOfValue(value),
          createdVersion: entryAt(mutation)?.createdVersion ?? version,
          ...(session !== undefined && { session }),
          ...(ttl !== undefined && { expiresAt: Math.ceil(Date.now() + ttl) }),
        });
      }
      latest.set(kit.spaceKey(key, space), change);
    }
    for (const [queue, ranges] of watches) queue.push(changesAfter(version - 1, ranges));
  }

  function expire(): void {
    apply(entriesWhere(({ expiresAt = Infinity }) => expiresAt <= Date.now()).map(deletion));
  }

  function holds(check: Check): boolean {
    if ("empty" in check) return read({ ...check.empty, limit: 1 }).length === 0;
    return (entryAt(check)?.version ?? 0) === check.version;
  }

  async function endSession(id: string): Promise<void> {
    apply(entriesWhere(({ session }) => session === id).map(deletion));
    sessions.get(id)?.abort(kit.closedError("session", id));
    sessions.delete(id);
  }

  async function close(): Promise<void> {
    isClosed = true;
    for (const id of [...sessions.keys()]) await endSession(id);
    for (const queue of [...watches.keys()]) queue.fail(kit.closedError("store", "map:"));
    clearInterval(timer);
  }

  return {
    name: "map",
    capabilities: CAPABILITIES,
    get(key, space) {
      kit.checkKey(key, CAPABILITIES.limits);
      begin();
      return read({ key, ...(space && { space }) })[0];
    },
    list(range) {
      kit.checkRange(range, CAPABILITIES.limits);
      begin();
      return { entries: read(range), version };
    },
    commit(commit, { signal } = {}) {
      kit.checkCommit(commit, CAPABILITIES.limits);
      signal?.throwIfAborted();
      begin();
      const { checks = [], mutations = [], reads = [] } = commit;
      for (const mutation of mutations)
        if (mutation.type === "set" && mutation.session !== undefined && !sessions.has(mutation.session))
          throw kit.sessionEndedError(mutation.session);
      const ok = checks.every(holds);
      if (ok) apply(mutations);
      return { ok, version, reads: reads.map(read) };
    },
    watch(ranges, options = {}) {
      kit.checkWatch(ranges, options, CAPABILITIES.limits);
      begin();
      const queue: kit.ChangeQueue = new kit.ChangeQueue({ ...options, ended: () => watches.delete(queue) });
      if (!queue.closed) watches.set(queue, ranges);
      if ((options.from ?? 0) > version) queue.fail(kit.historyLostError(options.from!, version));
      else queue.push(changesAfter(options.from ?? version, ranges));
      return queue;
    },
    async openSession() {
      begin();
      const id = randomUUID();
      const controller = new AbortController();
      sessions.set(id, controller);
      const close = () => endSession(id);
      return { id, signal: controller.signal, close, [Symbol.asyncDispose]: close };
    },
    info() {
      begin();
      const common = { engine: "map", location: "map:", durability: "none", details: {} };
      return { ...common, initialized: version > 0, keys: read({}).length, version };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
