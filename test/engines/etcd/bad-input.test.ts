import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as net from "node:net";
import * as path from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { openEtcdEngine } from "../../../src/engines/etcd/engine.ts";
import { etcdMissing, startEtcd } from "../../fixtures/servers/etcd-server.ts";

const run = promisify(execFile);
const TYPE = "ERR_INVALID_ARG_TYPE";
const VALUE = "ERR_INVALID_ARG_VALUE";
const RANGE = "ERR_OUT_OF_RANGE";

interface WrongUrl {
  readonly url: unknown;
  readonly code: string;
  /** What the message says. */
  readonly says: RegExp;
}

const WRONG: readonly WrongUrl[] = [
  { url: 5, code: TYPE, says: /url must be a string/ },
  { url: "etcd", code: VALUE, says: /of the form etcd:/ },
  { url: "http://127.0.0.1:2379", code: VALUE, says: /scheme.*"http"/ },
  { url: "etcd://", code: VALUE, says: /host/ },
  { url: "etcd:///prefix", code: VALUE, says: /host/ },
  { url: "etcd://a b:1/x", code: VALUE, says: /host.*"a b:1"/ },
  { url: "etcd://a,,b/x", code: VALUE, says: /host/ },
  { url: "etcd://a:x/x", code: VALUE, says: /port of "a"/ },
  { url: "etcd://a:0/x", code: RANGE, says: /port.*0/ },
  { url: "etcd://a:65536/x", code: RANGE, says: /port.*65535/ },
  { url: "etcd://a/%zz", code: VALUE, says: /prefix/ },
  { url: `etcd://a/${"p".repeat(64)}`, code: RANGE, says: /prefix.*64 bytes/ },
  { url: "etcd://a/x?serialisable=true", code: VALUE, says: /parameter.*"serialisable"/ },
  { url: "etcd://a/x?serializable=yes", code: VALUE, says: /serializable.*"yes"/ },
  { url: "etcd://a/x?timeout=soon", code: VALUE, says: /timeout.*"soon"/ },
  { url: "etcd://a/x?timeout=1&timeout=2", code: VALUE, says: /once.*"timeout"/ },
  { url: "etcd://a/x?timeout=-1", code: VALUE, says: /timeout/ },
  { url: "etcd://someone@a/x", code: VALUE, says: /USER:PASSWORD/ },
  { url: "etcd://:hunter2@a/x", code: VALUE, says: /USER:PASSWORD/ },
  { url: "etcd://u:hunter2%@a/x", code: VALUE, says: /password/ },
  { url: "etcd://u:hunter2/more@a/x", code: VALUE, says: /percent-encoded/ },
  { url: "etcd://u:hunter2#@a/x", code: VALUE, says: /of the form/ },
  { url: "etcd://a/x?ca=ca.pem", code: VALUE, says: /TLS where ca is given/ },
  { url: "etcd://a/x?servername=b", code: VALUE, says: /TLS where servername is given/ },
  { url: `etcds://a/x?cert=${import.meta.filename}`, code: VALUE, says: /both or neither/ },
  { url: "etcds://a/x?ca=/no/such/file.pem", code: "ERR_STORE_IO", says: /\/no\/such\/file\.pem/ },
];

for (const { url, code, says } of WRONG)
  test(`a wrong URL: ${url}`, async () => {
    await assert.rejects(openEtcdEngine(url as string), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.stack);
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  });

/** A server that answers whatever comes with a text, or never. */
async function listen(t: test.TestContext, answer?: string): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer !== undefined && socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets: net.Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

for (const [name, answer] of Object.entries({
  Redis: "-ERR unknown command 'PRI'\r\n",
  "a web server": "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
}))
  test(`a server of another kind: ${name}`, async (t) => {
    const port = await listen(t, answer);
    await assert.rejects(openEtcdEngine(`etcd://u:hunter2@127.0.0.1:${port}/x?timeout=500`), (error) => {
      const { code, message } = error as Error & { code?: string };
      assert.equal(code, "ERR_STORE_INCOMPATIBLE_SERVER", message);
      assert.match(message, new RegExp(`127\\.0\\.0\\.1:${port}`));
      assert.doesNotMatch(message, /hunter2/);
      return true;
    });
  });

test("a server that never answers, and one that is not there", async (t) => {
  const port = await listen(t);
  for (const url of [`etcd://127.0.0.1:${port}/x`, "etcd://127.0.0.1:1/x", "etcd://no-such-host.invalid/x"]) {
    const begun = performance.now();
    await assert.rejects(openEtcdEngine(`${url}?timeout=300`), { code: "ERR_STORE_UNAVAILABLE", retryable: true });
    assert.ok(performance.now() - begun < 2000);
  }
});

test("without the client's packages: an error that says what to install", async () => {
  const engine = path.join(import.meta.dirname, "../../../src/engines/etcd/engine.ts");
  const program = `
    import * as module from "node:module";
    module.registerHooks({
      resolve(name, context, next) {
        if (name.startsWith("@grpc/")) throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
        return next(name, context);
      },
    });
    const { openEtcdEngine } = await import(${JSON.stringify(engine)});
    await openEtcdEngine("etcd://127.0.0.1/x").catch(({ code, message }) => console.log(code, message));
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program]);
  assert.match(stdout, /^ERR_STORE_CLIENT_MISSING .*npm install @grpc\/grpc-js @grpc\/proto-loader/);
});

test("prefixes and limits", { skip: etcdMissing, timeout: 60_000 }, async (suite) => {
  const server = await startEtcd();
  suite.after(() => server.stop());

  await suite.test("a prefix that another program's keys use is refused, and nothing is changed", async () => {
    await server.etcdctl("put", "/app/config", "theirs");
    await assert.rejects(openEtcdEngine(`etcd://${server.address}/app`), (error: Error & { code?: string }) => {
      assert.equal(error.code, "ERR_STORE_FOREIGN_PREFIX");
      assert.match(error.message, /"\/app\/config"/);
      return true;
    });
    assert.equal(await server.etcdctl("get", "", "--from-key", "--keys-only"), "/app/config\n\n");
    await server.etcdctl("put", "/other/format", "json");
    await assert.rejects(openEtcdEngine(`etcd://${server.address}/other`), { code: "ERR_STORE_FOREIGN_PREFIX" });
    await server.etcdctl("put", "/new/format", "ipctools 2");
    await assert.rejects(openEtcdEngine(`etcd://${server.address}/new`), { code: "ERR_STORE_NEWER_FORMAT" });
    // A prefix is whole: what merely begins like it is another.
    await (await openEtcdEngine(`etcd://${server.address}/ap`)).close();
  });

  await suite.test("what is larger than a request is refused before anything is sent", async () => {
    const engine = await openEtcdEngine(`etcd://${server.address}/limits`);
    const { limits } = engine.capabilities;
    const { version } = await engine.list({});
    const set = (key: string, value: string | Uint8Array = "") => ({ type: "set", key, value }) as const;
    const long = (i: number) => String(i).padEnd(limits.keyBytes, "k");
    const rejects = (commit: Parameters<typeof engine.commit>[0]) =>
      assert.rejects(async () => engine.commit(commit), { code: RANGE, name: "RangeError" });
    await rejects({ mutations: [set("a", new Uint8Array(limits.valueBytes + 1))] });
    await rejects({ mutations: Array.from({ length: 129 }, (_, i) => set(`k${i}`)) });
    await rejects({ checks: Array.from({ length: 128 }, (_, i) => ({ key: long(i), version: 0 })) });
    await rejects({ reads: Array.from({ length: 128 }, (_, i) => ({ key: long(i) })) });
    assert.equal((await engine.list({})).version, version);
    // What is just within is taken by a real server.
    const largest = new Uint8Array(limits.valueBytes);
    assert.equal((await engine.commit({ mutations: [set(long(1), largest)] })).ok, true);
    const many = Array.from({ length: 128 }, (_, i) => set(`k${i}`, new Uint8Array(11_900)));
    assert.equal((await engine.commit({ mutations: many })).ok, true);
    await engine.close();
  });

  await suite.test("the store is readable with etcdctl", async () => {
    const engine = await openEtcdEngine(`etcd://${server.address}/readable`);
    await engine.commit({ mutations: [{ type: "set", key: "greeting", value: "hello" }] });
    assert.equal(await server.etcdctl("get", "--print-value-only", "/readable/values/greeting"), "hello\n");
    await server.etcdctl("put", "/readable/values/answer", "42");
    assert.equal((await engine.get("answer"))?.value, "42");
    await engine.close();
  });

  await suite.test("a store that is full", async () => {
    const small = await startEtcd({ args: ["--quota-backend-bytes", String(256 * 1024)] });
    try {
      const engine = await openEtcdEngine(`etcd://${small.address}/full`);
      await assert.rejects(
        async () => {
          // The server looks at the size of its file, which it writes every 100 ms.
          for (let i = 0; i < 2000; i++)
            await engine.commit({ mutations: [{ type: "set", key: `k${i}`, value: new Uint8Array(50_000) }] });
        },
        { code: "ERR_STORE_FULL", retryable: true },
      );
      await engine.close();
    } finally {
      await small.stop();
    }
  });
});
