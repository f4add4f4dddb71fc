import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, type TestContext } from "node:test";
import type { Participant } from "../../src/coordination/common/participant.ts";
import type { Engine, Session } from "../../src/engine/contract.ts";
import { openEtcdEngine } from "../../src/engines/etcd/engine.ts";
import { memoryEngine } from "../../src/engines/memory/engine.ts";
import { openRedisEngine } from "../../src/engines/redis/engine.ts";
import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";
import { StoreError } from "../../src/errors.ts";
import { type EtcdServer, etcdMissing, startEtcd } from "../fixtures/servers/etcd-server.ts";
import { type RedisServer, redisMissing, startRedis } from "../fixtures/servers/redis-server.ts";

/** A fresh store that any number of handles can be opened on. */
export interface Ground {
  open(): Promise<Engine>;
  /** What a child process opens it by; absent where only this process can. */
  readonly path?: string;
}

/** One server for all tests of a file, each with a prefix of its own. */
let etcd: Promise<EtcdServer> | undefined;
let redis: Promise<RedisServer> | undefined;
after(async () => {
  await (await etcd)?.stop();
  await (await redis)?.stop();
});

/** The engines that every recipe is tested over. `fresh` cleans up after the test that asks. */
const ENGINES: Record<string, (t: TestContext) => Promise<Ground>> = {
  async memory() {
    const name = `test-${Math.random()}`;
    return { open: async () => memoryEngine(name) };
  },
  async sqlite(t) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
    const opened: Engine[] = [];
    t.after(async () => {
      for (const engine of opened) await engine.close();
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    });
    const file = path.join(folder, "store.db");
    return {
      path: file,
      async open() {
        const engine = await openSqliteEngine(file);
        opened.push(engine);
        return engine;
      },
    };
  },
  async etcd(t) {
    etcd ??= startEtcd();
    const url = `etcd://${(await etcd).address}/${crypto.randomUUID()}`;
    const opened: Engine[] = [];
    t.after(() => Promise.all(opened.map((engine) => engine.close())));
    return {
      async open() {
        const engine = await openEtcdEngine(url);
        opened.push(engine);
        return engine;
      },
    };
  },
  async redis(t) {
    redis ??= startRedis();
    const url = `redis://${(await redis).address}?prefix=${crypto.randomUUID()}`;
    const opened: Engine[] = [];
    t.after(() => Promise.all(opened.map((engine) => engine.close())));
    return {
      async open() {
        const engine = await openRedisEngine(url);
        opened.push(engine);
        return engine;
      },
    };
  },
};

const MISSING: Readonly<Record<string, string | undefined>> = { etcd: etcdMissing, redis: redisMissing };

/** Runs a suite over every engine. `ground` gives each test a fresh store. */
export function overEngines(suite: (ground: (t: TestContext) => Promise<Ground>, engine: string) => void): void {
  // What only holds something waits for nothing, and keeps no process alive; up to Node 22 it is not the runner's either.
  const alive = setInterval(() => {}, 1000);
  after(() => clearInterval(alive));
  for (const [name, fresh] of Object.entries(ENGINES))
    describe(name, { skip: MISSING[name] }, () => suite(fresh, name));
}

export interface Member extends Participant, AsyncDisposable {
  /** Ends its session as a death would: nothing of what it holds is given up in an orderly way. */
  die(): Promise<void>;
}

/** A participant with an engine and a session of its own, as a process would be; closed after the test. */
export async function join(t: TestContext, ground: Ground): Promise<Member> {
  const engine = await ground.open();
  let opening: Promise<TestSession> | undefined;
  const member: Member = {
    engine,
    async session() {
      if ((await opening)?.signal.aborted) opening = undefined;
      opening ??= engine.openSession().then((session) => new TestSession(session));
      return opening;
    },
    async die() {
      await (await opening)?.lose();
    },
    [Symbol.asyncDispose]: () => engine.close(),
  };
  t.after(() => member[Symbol.asyncDispose]());
  return member;
}

/** A session that can be lost. */
class TestSession implements Session {
  readonly #session: Session;
  readonly #end = new AbortController();

  constructor(session: Session) {
    this.#session = session;
    session.signal.addEventListener("abort", () => this.#end.abort(session.signal.reason), { once: true });
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get id(): string {
    return this.#session.id;
  }

  async lose(): Promise<void> {
    this.#end.abort(new StoreError("ERR_STORE_SESSION_LOST", "lost by the test"));
    await this.close();
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The keys that coordination has left in the store, without the entry that names the layout, which stays. */
export async function leftovers(engine: Engine): Promise<string[]> {
  return (await engine.list({ space: "system" })).entries.map(({ key }) => key).filter((key) => key !== "layout");
}
