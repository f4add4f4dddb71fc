import { createRequire } from "node:module";
import { load, type Peer, type Subject } from "../peer.ts";
import type { Servers } from "../servers.ts";

interface Client {
  connect(): Promise<unknown>;
  duplicate(): Client;
  set(key: string, value: string, options?: { condition: "NX" }): Promise<string | null>;
  get(key: string): Promise<string | null>;
  scanIterator(options: { MATCH: string; COUNT: number }): AsyncIterable<string[]>;
  mGet(keys: string[]): Promise<(string | null)[]>;
  publish(channel: string, message: string): Promise<number>;
  subscribe(channel: string, called: (message: string) => void): Promise<void>;
  close(): Promise<void>;
}

/** How long a lock outlives a holder that says nothing, in milliseconds: the packages' own default. */
const LIFETIME = 10_000;

async function open({ redis }: Servers): Promise<Subject> {
  const { createClient } = await load<{ createClient(options: { url: string }): Client }>("redis");
  const client = createClient({ url: `redis://${redis}` });
  await client.connect();
  let second: Client | undefined;
  return {
    set: (key, value) => client.set(key, value),
    get: (key) => client.get(key),
    create: async (key, value) => (await client.set(key, value, { condition: "NX" })) === "OK",
    async list(prefix) {
      let count = 0;
      for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 }))
        if (keys.length > 0) count += (await client.mGet(keys)).length;
      return count;
    },
    async listen(channel, called) {
      second ??= client.duplicate();
      await second.connect();
      await second.subscribe(channel, called);
    },
    post: (channel, message) => client.publish(channel, message),
    async close() {
      await second?.close();
      await client.close();
    },
  };
}

export const redis: Peer = {
  name: "redis",
  title: "redis, the bare client",
  packages: ["redis"],
  server: "redis",
  does: ["set", "get", "create", "list", "listen", "post"],
  open: ({ servers }) => open(servers),
};

interface Io {
  quit(): Promise<unknown>;
}

async function io({ redis }: Servers): Promise<Io> {
  const { Redis } = await load<{ Redis: new (url: string) => Io }>("ioredis");
  return new Redis(`redis://${redis}`);
}

interface Redlock {
  acquire(resources: string[], duration: number): Promise<{ release(): Promise<unknown> }>;
}

export const redlock: Peer = {
  name: "redlock",
  title: "redlock",
  packages: ["redlock", "ioredis"],
  server: "redis",
  does: ["lock"],
  async open({ servers }) {
    const client = await io(servers);
    // What its package says of its ES module is not there.
    const { default: Opened } = createRequire(import.meta.url)("redlock") as {
      default: new (clients: Io[], options: object) => Redlock;
    };
    const locks = new Opened([client], { retryCount: -1, retryDelay: 10, retryJitter: 5 });
    return {
      async lock(name) {
        const lock = await locks.acquire([name], LIFETIME);
        return () => lock.release();
      },
      close: () => client.quit(),
    };
  },
};

interface Mutex {
  acquire(): Promise<void>;
  release(): Promise<void>;
}

export const redisSemaphore: Peer = {
  name: "redis-semaphore",
  title: "redis-semaphore, its `Mutex`",
  packages: ["redis-semaphore", "ioredis"],
  server: "redis",
  does: ["lock"],
  async open({ servers }) {
    const client = await io(servers);
    const { Mutex } = await load<{ Mutex: new (client: Io, name: string, options: object) => Mutex }>(
      "redis-semaphore",
    );
    return {
      async lock(name) {
        const mutex = new Mutex(client, name, { lockTimeout: LIFETIME, acquireTimeout: 60_000, retryInterval: 10 });
        await mutex.acquire();
        return () => mutex.release();
      },
      close: () => client.quit(),
    };
  },
};
