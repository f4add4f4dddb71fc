import { load, type Peer } from "../peer.ts";

interface Lock {
  acquire(): Promise<Lock>;
  release(): Promise<void>;
}
interface Watcher {
  on(event: "put", called: (entry: { value: Buffer }) => void): void;
}
interface Client {
  put(key: string): { value(value: string): Promise<unknown> };
  get(key: string): { string(): Promise<string | null> };
  getAll(): { prefix(prefix: string): { strings(): Promise<Record<string, string>> } };
  if(
    key: string,
    column: "Create",
    comparison: "==",
    revision: number,
  ): { then(operation: unknown): { commit(): Promise<{ succeeded: boolean }> } };
  watch(): { key(key: string): { create(): Promise<Watcher> } };
  lock(name: string): { ttl(seconds: number): Lock };
  election(name: string, ttl: number): { campaign(value: string): { wait(): Promise<unknown> } };
  close(): void;
}

/** Seconds that a leader's lease outlives it. */
const LIFETIME = 2;
/** Its lock does not wait: so often it is asked again, in milliseconds. */
const PAUSE = 10;

export const etcd3: Peer = {
  name: "etcd3",
  title: "etcd3, bare",
  packages: ["etcd3"],
  server: "etcd",
  does: ["set", "get", "create", "list", "watch", "lock", "elect"],
  async open({ servers }) {
    const { Etcd3 } = await load<{ Etcd3: new (options: { hosts: string }) => Client }>("etcd3");
    const client = new Etcd3({ hosts: `http://${servers.etcd}` });
    return {
      set: (key, value) => client.put(key).value(value),
      get: (key) => client.get(key).string(),
      create: async (key, value) =>
        (await client.if(key, "Create", "==", 0).then(client.put(key).value(value)).commit()).succeeded,
      list: async (prefix) => Object.keys(await client.getAll().prefix(prefix).strings()).length,
      async watch(key, called) {
        const watcher = await client.watch().key(key).create();
        watcher.on("put", ({ value }) => called(value.toString()));
      },
      async lock(name) {
        for (;;) {
          const lock = client.lock(name).ttl(10);
          try {
            await lock.acquire();
            return () => lock.release();
          } catch {
            await new Promise((resolve) => setTimeout(resolve, PAUSE));
          }
        }
      },
      elect: (name) => client.election(name, LIFETIME).campaign(String(process.pid)).wait(),
      close: () => client.close(),
    };
  },
};
