import assert from "node:assert/strict";
import test from "node:test";
import * as redis from "redis";
import type { Check, Commit, Mutation } from "../../../src/engine/contract.ts";
import type { RangeRead } from "../../../src/engine/range.ts";
import { LUA } from "../../../src/engines/redis/protocol/lua-sources.ts";
import { channelBase, keyBase } from "../../../src/engines/redis/protocol/names.ts";
import { SCRIPTS } from "../../../src/engines/redis/protocol/scripts.ts";
import { type Argument, commitArguments } from "../../../src/engines/redis/protocol/wire.ts";
import { redisMissing, startRedis } from "../../fixtures/servers/redis-server.ts";
import { randomNumbers } from "../../linearizability/history/simulation.ts";

const STEPS = 4000;
/** Steps between two comparisons of all rows. */
const EVERY = 100;
/** Changes that the log keeps. */
const LOG_LENGTH = "150";

/** The scripts take the time from two keys that they do not use otherwise, so that both stores live by the test's clock. */
const timed = (text: string) => text.replace("call('TIME')", "{KEYS[2], KEYS[3]}");
const CONTROL = timed(SCRIPTS.control.text);
const LONG = timed(SCRIPTS.commit.text.replace(LUA.update, ""));
const SHORT = timed(
  SCRIPTS.commit.text.replace("return { 1, version }", "call('INCR', 'short ways') return { 1, version }"),
);

type Client = ReturnType<typeof connect>;

function connect(port: number) {
  const client = redis.createClient({ url: `redis://127.0.0.1:${port}`, RESP: 2 });
  return client.withTypeMapping({ [redis.RESP_TYPES.BLOB_STRING]: Buffer });
}

/** One of the two stores, with the script that it commits by. */
class Side {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #commit: string;

  constructor(client: Client, prefix: string, commit: string) {
    this.#client = client;
    this.#prefix = prefix;
    this.#commit = commit;
  }

  get #head(): string[] {
    return [keyBase(this.#prefix), channelBase({ prefix: this.#prefix, database: 0 }), LOG_LENGTH];
  }

  commit(commit: Commit, clock: number): Promise<unknown> {
    return this.#run(this.#commit, commitArguments(this.#head, commit), clock);
  }

  control(operation: readonly string[], clock: number): Promise<unknown> {
    return this.#run(CONTROL, [...this.#head, ...operation], clock);
  }

  #run(text: string, args: readonly Argument[], clock: number): Promise<unknown> {
    const seconds = `${Math.floor(clock / 1e6)}`;
    return this.#client.eval(text, {
      keys: [`${keyBase(this.#prefix)}meta`, seconds, `${clock % 1e6}`],
      arguments: args as string[],
    });
  }

  /** All that the store holds: for each key its rows, in an order of their own. */
  async rows(): Promise<Map<string, unknown>> {
    const base = keyBase(this.#prefix);
    const send = (...args: string[]) => this.#client.sendCommand<Buffer[]>(args);
    const keys = (await send("KEYS", `${base}*`)).map((key) => key.toString().slice(base.length)).sort();
    const read = async (key: string): Promise<[string, unknown]> => {
      const name = base + key;
      if (key === "log") return [key, await send("XRANGE", name, "-", "+")];
      if (/^(keys|order):|^(due|watched)$/.test(key)) return [key, await send("ZRANGE", name, "0", "-1", "WITHSCORES")];
      if (key.startsWith("session:")) return [key, (await send("SMEMBERS", name)).map(String).sort()];
      const fields = (await send("HGETALL", name)).map((field) => field.toString("latin1"));
      return [key, fields.flatMap((field, i) => (i % 2 === 0 ? [`${field}=${fields[i + 1]}`] : [])).sort()];
    };
    return new Map(await Promise.all(keys.map(read)));
  }
}

const KEYS = ["a", "b c", "dir/a", "dir/ü", "line\nbreak \0"];
const SESSIONS = ["s1", "s2"];
const VALUES = ["", "text", "ü 0\n1 \0", "x".repeat(1024), "x".repeat(1025), "y".repeat(5000)];
const BYTES = [Uint8Array.of(), Uint8Array.of(0, 10, 255), new Uint8Array(1024).fill(200), new Uint8Array(4000)];
const CONTROLS = [
  ...SESSIONS.flatMap((id) => [
    ["open", id, "400"],
    ["open", id, "2000"],
    ["refresh", id, "300"],
    ["end", id],
  ]),
  ["sweep"],
  ["log", "0", "10", "user 0", "user 4"],
  ["log", "0", "10", "system 1"],
];

/** Random steps. Versions of checks are those that the commits before were answered with. */
class Steps {
  readonly #random: () => number;
  readonly #versions = new Map<string, number>();

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
  }

  below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  #place() {
    return { key: this.pick(KEYS), ...(this.below(3) === 0 && { space: "system" as const }) };
  }

  #set(isPlain: boolean): Mutation {
    const value = this.pick<string | Uint8Array>(this.below(4) === 0 ? BYTES : VALUES);
    const set = { type: "set", ...this.#place(), value } as const;
    if (isPlain) return set;
    const kind = this.below(4);
    if (kind === 0) return { ...set, ttl: 1 + this.below(500) };
    return kind === 1 ? { ...set, session: this.pick(SESSIONS) } : set;
  }

  #check(): Check {
    const place = this.#place();
    if (this.below(4) === 0) return { empty: this.#range() };
    const version = this.#versions.get(nameOf(place)) ?? 0;
    return { ...place, version: this.below(5) === 0 ? 1 : version };
  }

  #range(): RangeRead {
    const { key, space } = this.#place();
    const where = space && { space };
    return this.pick<RangeRead>([
      { key, ...where },
      { prefix: "dir/", ...where },
      { start: "b", ...where },
      { ...where },
    ]);
  }

  commit(): Commit {
    if (this.below(10) < 7) return { mutations: [this.#set(this.below(10) > 0)] };
    const times = <T>(most: number, make: () => T) => Array.from({ length: this.below(most + 1) }, make);
    const mutation = () => (this.below(4) === 0 ? ({ type: "delete", ...this.#place() } as const) : this.#set(false));
    const mutations = new Map(times(3, mutation).map((mutation) => [nameOf(mutation), mutation]));
    const order = () => this.pick(["key", "created"] as const);
    const read = () => ({ ...this.#range(), order: order(), reverse: this.below(2) === 0, limit: 1 + this.below(4) });
    return { checks: times(2, () => this.#check()), mutations: [...mutations.values()], reads: times(2, read) };
  }

  /** Remembers the versions that the commit gave. */
  committed({ mutations = [] }: Commit, version: number): void {
    for (const mutation of mutations) this.#versions.set(nameOf(mutation), mutation.type === "set" ? version : 0);
  }
}

function nameOf({ key, space = "user" }: { key: string; space?: string }): string {
  return `${space} ${key}`;
}

/** What is published on the store's channels, without its prefix. */
async function listen(port: number, prefix: string) {
  const client = redis.createClient({ url: `redis://127.0.0.1:${port}`, RESP: 2 });
  await client.connect();
  const messages: string[] = [];
  await client.pSubscribe(`${keyBase(prefix)}*`, (message, channel) => {
    messages.push(`${channel.slice(keyBase(prefix).length)} ${message}`);
  });
  return { client, messages };
}

test("commits by the script's short way answer, leave and publish the same as without it", {
  skip: redisMissing,
}, async () => {
  const server = await startRedis();
  const client = connect(server.port);
  await client.connect();
  const heard = await Promise.all(["short", "long"].map((prefix) => listen(server.port, prefix)));
  try {
    const [short, long] = [new Side(client, "short", SHORT), new Side(client, "long", LONG)];
    const steps = new Steps(1);
    let clock = 1.8e15;
    let held = 0;
    for (let step = 1; step <= STEPS; step++) {
      clock += steps.below(20_000);
      let name: string;
      let replies: unknown[];
      if (steps.below(20) === 0) {
        const operation = steps.below(8) === 0 ? ["hello", `history ${step}`] : steps.pick(CONTROLS);
        name = `step ${step}: ${operation.join(" ")}`;
        replies = await Promise.all([short.control(operation, clock), long.control(operation, clock)]);
      } else {
        const commit = steps.commit();
        name = `step ${step}: ${JSON.stringify(commit).slice(0, 300)}`;
        replies = await Promise.all([short.commit(commit, clock), long.commit(commit, clock)]);
        const [ok, version] = replies[0] as [number, Buffer];
        if (ok === 1) steps.committed(commit, Number(version));
        if (ok === 1 && commit.checks?.length) held++;
      }
      assert.deepEqual(replies[0], replies[1], name);
      if (step % EVERY > 0) continue;
      assert.deepEqual(await short.rows(), await long.rows(), `the rows after step ${step}`);
    }
    assert.deepEqual(heard[0]!.messages, heard[1]!.messages);
    assert.ok(heard[0]!.messages.length > STEPS);
    assert.ok(held > STEPS / 50, `only ${held} commits had checks that held`);
    const ways = Number(await client.get("short ways"));
    assert.ok(ways > STEPS / 5, `the short way was taken only ${ways} times`);
  } finally {
    client.destroy();
    for (const { client } of heard) client.destroy();
    await server.stop();
  }
});
