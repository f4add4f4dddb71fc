import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as net from "node:net";
import * as path from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { openRedisEngine } from "../../../src/engines/redis/engine.ts";
import { redisMissing, startRedis } from "../../fixtures/servers/redis-server.ts";

const run = promisify(execFile);
const TYPE = "ERR_INVALID_ARG_TYPE";
const VALUE = "ERR_INVALID_ARG_VALUE";
const RANGE = "ERR_OUT_OF_RANGE";
const INCOMPATIBLE = "ERR_STORE_INCOMPATIBLE_SERVER";

/** The URL, the code, and what the message says. */
const WRONG: readonly (readonly [url: unknown, code: string, says: RegExp])[] = [
  [5, TYPE, /url must be a string/],
  ["redis", VALUE, /redis:\/\//],
  ["http://a", VALUE, /scheme.*redis/],
  ["redis://", VALUE, /host/],
  ["redis://a b", VALUE, /host.*"a b"/],
  ["redis://a,,b", VALUE, /host/],
  ["redis://a:x", VALUE, /port of "a"/],
  ["redis://a:0", RANGE, /port/],
  ["redis://a:65536", RANGE, /port.*65535/],
  ["redis://a/one", VALUE, /database.*"one"/],
  ["redis://a/-1", VALUE, /database/],
  ["redis://a/0/1", VALUE, /database/],
  ["redis://a/2147483648", RANGE, /database/],
  ["redis://a?prefix=", VALUE, /prefix/],
  ["redis://a?prefix=a{b}", VALUE, /prefix/],
  [`redis://a?prefix=${"p".repeat(257)}`, RANGE, /prefix.*256 bytes/],
  ["redis://a?perfix=x", VALUE, /parameter.*"perfix"/],
  ["redis+sentinel://a", VALUE, /primary/],
  ["redis://u:hunter2%@a", VALUE, /percent-encoded/],
  ["redis://u:hunter2/more@a", VALUE, /percent-encoded/],
  ["redis://u:hunter2#@a", VALUE, /percent-encoded/],
  ["redis+sentinel://a?sentinelPassword=hunter2", VALUE, /primary/],
  ["rediss://a?ca=/no/such/file.pem", "ERR_STORE_IO", /\/no\/such\/file\.pem/],
];

async function rejects(url: unknown, code: string, says: RegExp = /./): Promise<void> {
  await assert.rejects(openRedisEngine(url as string), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.stack);
    assert.match(error.message, says);
    assert.doesNotMatch(`${error.stack} ${(error.cause as Error | undefined)?.stack}`, /hunter2|sesame/);
    return true;
  });
}

for (const [url, code, says] of WRONG) test(`a wrong URL: ${url}`, () => rejects(url, code, says));

/** A server that answers whatever comes with a text. */
async function listen(t: test.TestContext, answer: string): Promise<number> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

test("a server of another kind: a web server", async (t) => {
  const port = await listen(t, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  await rejects(`redis://127.0.0.1:${port}`, INCOMPATIBLE, new RegExp(`127\\.0\\.0\\.1:${port}`));
});

test("without the client's package: an error that says what to install", async () => {
  const engine = path.join(import.meta.dirname, "../../../src/engines/redis/engine.ts");
  const program = `
    import * as module from "node:module";
    module.registerHooks({
      resolve(name, context, next) {
        if (name === "redis") throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
        return next(name, context);
      },
    });
    const { openRedisEngine } = await import(${JSON.stringify(engine)});
    await openRedisEngine("redis://127.0.0.1").catch(({ code, message }) => console.log(code, message));
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program]);
  assert.match(stdout, /^ERR_STORE_CLIENT_MISSING .*npm install redis@6/);
});

test("servers and prefixes that are refused", { skip: redisMissing, timeout: 20_000 }, async (suite) => {
  const server = await startRedis();
  suite.after(() => server.stop());
  const url = `redis://${server.address}`;

  await suite.test("a prefix that another program's keys use is refused, and nothing is changed", async () => {
    await server.command("SET {app}:log theirs");
    await rejects(`${url}?prefix=app`, "ERR_STORE_FOREIGN_PREFIX");
    await server.command("SET {other}:meta theirs");
    await rejects(`${url}?prefix=other`, "ERR_STORE_FOREIGN_PREFIX");
    await server.command("HSET {new}:meta format 2");
    await rejects(`${url}?prefix=new`, "ERR_STORE_NEWER_FORMAT", /format is 2/);
    assert.match(await server.command("DBSIZE"), /^:3\r\n/);
  });

  await suite.test("a server that may throw keys away", async () => {
    await server.command("CONFIG SET maxmemory 100mb");
    await server.command("CONFIG SET maxmemory-policy allkeys-lru");
    await rejects(url, INCOMPATIBLE, /noeviction/);
    await (await openRedisEngine(`${url}?evictable=allow`)).close();
    await server.command("CONFIG SET maxmemory-policy noeviction");
  });

  await suite.test("a database that is not there", () => rejects(`${url}/99`, "ERR_STORE_UNSUPPORTED", /database/));

  await suite.test("users and passwords; none of them is shown", async () => {
    await rejects(`redis://:hunter2@${server.address}`, "ERR_STORE_AUTHENTICATION");
    await server.command("ACL SETUSER reader on >hunter2 ~* +@read +info");
    await rejects(`redis://reader:hunter2@${server.address}`, "ERR_STORE_AUTHENTICATION", /permit/);
    await server.command("CONFIG SET requirepass hunter2");
    await rejects(url, "ERR_STORE_AUTHENTICATION");
    await rejects(`redis://reader:sesame@${server.address}`, "ERR_STORE_AUTHENTICATION");
    const engine = await openRedisEngine(`redis://:hunter2@${server.address}/3?prefix=secret`);
    const info = await engine.info();
    assert.deepEqual([info.details.database, info.details.prefix], [3, "secret"]);
    assert.doesNotMatch(JSON.stringify(info), /hunter2/);
    await engine.close();
  });
});
