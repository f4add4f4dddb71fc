import * as assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as net from "node:net";
import { after, before, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { openStore, openStoreSync, type SyncStore } from "../../../src/index.ts";
import { etcdMissing, startEtcd } from "../../fixtures/servers/etcd-server.ts";
import { redisMissing, startRedis } from "../../fixtures/servers/redis-server.ts";

const MODULE = JSON.stringify(new URL("../../../src/index.ts", import.meta.url).href);

interface Server {
  readonly address: string;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

interface Kind {
  readonly name: string;
  readonly missing: string | undefined;
  start(): Promise<Server>;
  /** The location of a store of that name; the address may begin with a user and a password. */
  url(address: string, name: string): string;
  /** A key and a value, one of which is longer than the engine takes. */
  readonly tooLarge: readonly [key: string, value: string];
}

const KINDS: readonly Kind[] = [
  {
    name: "etcd",
    missing: etcdMissing,
    start: () => startEtcd(),
    url: (address, name) => `etcd://${address}/${name}`,
    tooLarge: ["larger", "x".repeat(3_000_000)],
  },
  {
    name: "redis",
    missing: redisMissing,
    start: () => startRedis(),
    url: (address, name) => `redis://${address}?prefix=${name}`,
    tooLarge: ["k".repeat(100_000), "v"],
  },
];

for (const kind of KINDS)
  describe(`the functions that block, over ${kind.name}`, { skip: kind.missing }, () => {
    let server: Server;
    before(async () => {
      server = await kind.start();
    });
    after(() => server.stop());
    const freshUrl = () => kind.url(server.address, crypto.randomUUID());

    /** Opens a store that is closed after the test. */
    function opened(t: { after(end: () => void): void }, url = freshUrl()): SyncStore {
      const store = openStoreSync(url);
      t.after(() => store.close());
      return store;
    }

    test("every function works as on a file", (t) => {
      const store = opened(t);
      for (const read of [() => store.getValue("k"), () => store.keys()])
        assert.throws(read, { code: "ERR_STORE_NOT_INITIALIZED", name: "StoreError" });
      assert.equal(store.tryGetValue("k"), undefined);
      assert.equal(store.createValue("k", "1"), true);
      assert.equal(store.createValue("k", "2"), false);
      assert.equal(store.getValue("k"), "1");
      store.setValue("k", "3");
      assert.equal(store.trySetValue("l\0é", "🙂"), true);
      assert.equal(store.tryCreateValue("l\0é", "x"), false);
      assert.deepEqual(store.entries(), [
        ["k", "3"],
        ["l\0é", "🙂"],
      ]);
      assert.equal(store.deleteValue("k"), true);
      assert.equal(store.deleteValue("k"), false);
      assert.equal(store.getValue("k"), undefined);
      const { engine, keys } = store.info();
      assert.deepEqual([engine, keys], [kind.name, 1]);
      store.close();
      assert.throws(() => store.getValue("k"), { code: "ERR_STORE_CLOSED" });
    });

    test("sees what the async Store writes, and the other way round", async (t) => {
      const url = freshUrl();
      const seed = opened(t, url);
      const store = await openStore(url);
      t.after(() => store.close());
      await store.set("a", "async");
      assert.equal(seed.getValue("a"), "async");
      seed.setValue("b", "blocking");
      assert.equal(await store.get("b"), "blocking");
    });

    test("values of a megabyte; larger ones and other mistakes are refused as such", (t) => {
      const store = opened(t);
      const large = "é".repeat(500_000);
      store.setValue("large", large);
      assert.equal(store.getValue("large"), large);
      assert.throws(() => store.setValue(...kind.tooLarge), {
        code: "ERR_OUT_OF_RANGE",
        name: "RangeError",
      });
      assert.throws(() => store.setValue("k", 5 as never), { code: "ERR_INVALID_ARG_TYPE", name: "TypeError" });
      assert.throws(() => store.getValue("\ud800"), { code: "ERR_INVALID_ARG_VALUE", name: "TypeError" });
      assert.throws(() => store.setValue("k", "v", { timeout: -1 }), { code: "ERR_OUT_OF_RANGE" });
    });

    test("several stores side by side, and one in a worker thread", async (t) => {
      const url = freshUrl();
      const stores = [opened(t, url), opened(t, url), opened(t)];
      assert.deepEqual(
        stores.map((store) => store.createValue("k", "v")),
        [true, false, true],
      );
      const program = `
      const { openStoreSync } = await import(${MODULE});
      const { parentPort, workerData } = await import("node:worker_threads");
      const store = openStoreSync(workerData);
      store.setValue("from", "worker");
      store.close();
      parentPort.postMessage(store.tryGetValue("k") ?? "closed");`;
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { workerData: url });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      assert.equal(stores[0]!.getValue("from"), "worker");
    });

    test("a program that used it ends by itself; IPCTOOLS_STORE may be a URL", () => {
      const program = `
      const { store } = await import(${MODULE});
      console.log(store.createValue("k", "v"), store.getValue("k"));`;
      const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        encoding: "utf8",
        env: { ...process.env, IPCTOOLS_STORE: freshUrl() },
        timeout: 20_000,
      });
      assert.deepEqual([stdout, stderr, status], ["true v\n", "", 0]);
    });

    test("of processes that create one key at once exactly one does", async () => {
      const program = `
      const { store } = await import(${MODULE});
      process.exitCode = store.createValue("leader", String(process.pid)) ? 0 : 9;`;
      const env = { ...process.env, IPCTOOLS_STORE: freshUrl() };
      const statuses = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const child = spawn(process.execPath, ["--input-type=module", "-e", program], { env, stdio: "inherit" });
          return new Promise<number | null>((resolve) => child.once("exit", resolve));
        }),
      );
      assert.deepEqual(statuses.sort(), [0, 9, 9, 9]);
    });

    test("nobody answers at the address: ERR_STORE_UNAVAILABLE within the time-out, and the password stays out of it", async (t) => {
      // It accepts, and says nothing.
      const silent = net.createServer(() => {});
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      t.after(() => silent.close());
      const { port } = silent.address() as net.AddressInfo;
      const closed = await unusedPort();
      for (const at of [port, closed]) {
        const store = opened(t, kind.url(`me:secret@127.0.0.1:${at}`, "p"));
        const begun = performance.now();
        assert.throws(
          () => store.setValue("k", "v", { timeout: 300 }),
          (error: Error & { code: string }) => {
            assert.equal(error.code, "ERR_STORE_UNAVAILABLE", error.stack);
            assert.ok(!error.message.includes("secret"));
            return true;
          },
        );
        assert.ok(performance.now() - begun < 3000);
        assert.equal(store.trySetValue("k", "v", { timeout: 100 }), false);
      }
    });

    test("a server that stops in mid-call: the code says that the write may have happened; later calls work", async (t) => {
      const frozen = await kind.start();
      t.after(() => frozen.stop());
      const store = opened(t, kind.url(frozen.address, "p"));
      store.setValue("k", "1");
      frozen.pause();
      const begun = performance.now();
      assert.throws(() => store.setValue("k", "2", { timeout: 500 }), { code: "ERR_STORE_OUTCOME_UNKNOWN" });
      assert.ok(performance.now() - begun < 3000);
      frozen.resume();
      store.setValue("k", "3");
      assert.equal(store.getValue("k"), "3");
    });
  });

async function unusedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
