import assert from "node:assert/strict";
import test from "node:test";
import type { Change } from "../../../../src/engine/entry.ts";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import type { LogRecord } from "../../../../src/engines/redis/protocol/wire.ts";
import { type LogHost, LogWatch } from "../../../../src/engines/redis/watch/log-watch.ts";
import { StoreError } from "../../../../src/errors.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";
import { until } from "../../../fixtures/until.ts";

/** A log in memory, whose answers can be held back, and a feed that brings all of it. */
class Log implements LogHost {
  readonly #records: LogRecord[] = [];
  readonly watches = new LogWatch(this);
  readonly feed = { add() {}, drop() {}, async ready() {} };
  get: LogHost["get"] = async () => undefined;

  get version(): number {
    return this.#records.at(-1)?.version ?? 0;
  }

  add(key: string, { large = false, time = Date.now(), whole = true, told = true } = {}): number {
    const previous = this.version;
    const version = previous + 1;
    const change = large ? { type: "unfetched" as const, key, version } : { type: "delete" as const, key, version };
    this.#records.push({ version, previous, time, changes: [change] });
    if (!told) return version;
    const words = large ? `set user ${key.length} -1 text 1 0 0` : `delete user ${key.length}`;
    this.watches.inbox.message(Buffer.from(`${version}\n${whole ? `${previous} 1 ${time}\n${words}\n${key}` : ""}`));
    return version;
  }

  /** As a server does that forgot. */
  trim(): void {
    this.#records.splice(0, this.#records.length - 1);
  }

  pulse(isIncomplete = false, born = "1"): void {
    this.watches.inbox.pulse(Buffer.from(`${this.version} ${isIncomplete ? 1 : 0} ${born}`));
  }

  heard(): number {
    return this.version;
  }

  hear(): void {}

  channelsOf() {
    return { names: [], lengths: [] };
  }

  async now() {
    return { version: this.version, time: Date.now() };
  }

  async readLog(after: number, count: number) {
    const records = this.#records.filter(({ version }) => version > after).slice(0, count);
    return { version: this.version, records };
  }

  watching(): void {}
}

const closed = new StoreError("ERR_STORE_CLOSED", "closed");
const keysOf = ({ value }: IteratorResult<Change[]>) => (value as Change[]).map(({ key }) => key);
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a watch that catches up more slowly than another misses nothing", async () => {
  const log = new Log();
  log.add("large", { large: true });
  const fetching = Promise.withResolvers<undefined>();
  log.get = () => fetching.promise;
  const { watches } = log;
  const slow = watches.watch([{}], { from: 0 });
  await turn();
  log.add("between");
  const quick = watches.watch([{}], { from: log.version });
  await turn();
  fetching.resolve(undefined);
  await turn();
  log.add("after");
  assert.deepEqual(keysOf(await quick.next()), ["after"]);
  assert.deepEqual(keysOf(await slow.next()), ["between", "after"]);
  watches.close(closed);
});

test("a large value is fetched again where the server was away", async () => {
  const log = new Log();
  const { watches } = log;
  const changes = watches.watch([{}], {});
  await turn();
  let tries = 0;
  log.get = async (key) => {
    if (++tries < 3) throw new StoreError("ERR_STORE_UNAVAILABLE", "away");
    return { key, value: "large", version: log.version, createdVersion: log.version };
  };
  const pending = changes.next();
  log.add("large", { large: true });
  const [change] = (await pending).value;
  assert.equal(change.entry.value, "large");
  assert.equal(tries, 3);
  watches.close(closed);
});

test("an error in the fetching of a large value ends the watch with it", async () => {
  const log = new Log();
  const { watches } = log;
  const changes = watches.watch([{}], {});
  await turn();
  const error = new StoreError("ERR_STORE_FOREIGN_PREFIX", "taken");
  log.get = async () => {
    throw error;
  };
  const pending = assert.rejects(changes.next(), (reason) => reason === error);
  log.add("large", { large: true });
  await pending;
});

test("a new watch reports nothing that others wrote before it, although the engine has not heard of it", async () => {
  const log = new Log();
  log.heard = () => 0;
  log.add("long ago", { time: Date.now() - 3_600_000 });
  log.add("lately", { time: Date.now() - 60_000 });
  const { watches } = log;
  const changes = watches.watch([{}], {});
  log.add("after the call", { time: Date.now() });
  assert.deepEqual(keysOf(await changes.next()), ["after the call"]);
  watches.close(closed);
});

test("a watch that begins while the log is read for watches that have ended is left alone", async () => {
  const log = new Log();
  const { watches } = log;
  log.add("a");
  const first = watches.watch([{}], { from: log.version });
  await turn();
  const reading = Promise.withResolvers<{ version: number; records: LogRecord[] }>();
  const { readLog } = log;
  log.readLog = () => reading.promise;
  watches.inbox.lost();
  await turn();
  await first.return();
  log.readLog = readLog;
  const second = watches.watch([{}], { from: log.version });
  await turn();
  // For the first one the server has lost what it had reported.
  reading.resolve({ version: 0, records: [] });
  await turn();
  log.add("b");
  assert.deepEqual(keysOf(await second.next()), ["b"]);
  watches.close(closed);
});

test("a watch that has ended asks a server that is away no more", async () => {
  const log = new Log();
  const { watches } = log;
  const tries = [0, 0];
  log.readLog = async (after) => {
    tries[after]!++;
    throw new StoreError("ERR_STORE_UNAVAILABLE", "away");
  };
  const first = watches.watch([{}], { from: 0 });
  const second = watches.watch([{}], { from: 1 });
  await turn();
  await first.return();
  await until(() => tries[1]! >= 6);
  assert.equal(tries[0], 1);
  await second.return();
});

test("a value that cannot be fetched ends the watch that wants it, and no other", async () => {
  const log = new Log();
  const { watches } = log;
  const [large, small] = [watches.watch([{ key: "large" }], {}), watches.watch([{ key: "small" }], {})];
  await turn();
  const error = new StoreError("ERR_STORE_FOREIGN_PREFIX", "taken");
  log.get = async () => {
    throw error;
  };
  log.add("large", { large: true });
  log.add("small");
  await assert.rejects(large.next(), (reason) => reason === error);
  assert.deepEqual(keysOf(await small.next()), ["small"]);
  watches.close(closed);
});

test("more messages than are kept for a reader that is held up are read from the log", async () => {
  const log = new Log();
  const { watches } = log;
  const fetching = Promise.withResolvers<undefined>();
  log.get = () => fetching.promise;
  const changes = watches.watch([{}], { from: 0 });
  await turn();
  log.add("large", { large: true });
  const keys = Array.from({ length: 5000 }, (_, i) => `${i}`);
  for (const key of keys) log.add(key, { whole: Number(key) % 3 > 0 });
  fetching.resolve(undefined);
  const found: string[] = [];
  while (found.length < keys.length) found.push(...keysOf(await changes.next()));
  assert.deepEqual(found, keys);
  watches.close(closed);
});

test("the log has to reach back to the last pulse, unless that says that something was not told", async () => {
  for (const isIncomplete of [false, true]) {
    const log = new Log();
    const { watches } = log;
    const changes = watches.watch([{ key: "own" }], { from: 0 });
    await turn();
    for (let i = 0; i < 10; i++) log.add("other", { told: false });
    log.trim();
    log.pulse(isIncomplete);
    await turn();
    log.add("own", { told: false });
    watches.inbox.lost();
    if (isIncomplete) await assert.rejects(changes.next(), { code: "ERR_STORE_HISTORY_LOST" });
    else assert.deepEqual(keysOf(await changes.next()), ["own"]);
    watches.close(closed);
  }
});

test("a pulse that was on its way for longer than an answer of the log's proves no loss", async () => {
  const log = new Log();
  const { watches } = log;
  log.add("a");
  const changes = watches.watch([{}], { from: log.version });
  await turn();
  watches.inbox.pulse(Buffer.from("0 0 1"));
  await turn();
  log.add("b");
  assert.deepEqual(keysOf(await changes.next()), ["b"]);
  log.pulse(false, "2");
  await assert.rejects(changes.next(), { code: "ERR_STORE_HISTORY_LOST" });
});

test("a new watch on an engine that was idle for longer than the log reaches", { skip: redisMissing }, async () => {
  const server = await startRedis();
  const url = `redis://${server.address}`;
  const [idle, busy] = await Promise.all([openRedisEngine(url), openRedisEngine(url)]);
  try {
    const write = (key: string) => busy.commit({ mutations: [{ type: "set", key, value: "" }] });
    for (const key of ["a", "b", "c"]) await write(key);
    await server.command("XTRIM {ipctools}:log MAXLEN 0");
    const changes = idle.watch([{}]);
    await idle.get("a");
    await write("d");
    assert.deepEqual(keysOf(await changes.next()), ["d"]);
  } finally {
    await idle.close();
    await busy.close();
    await server.stop();
  }
});
