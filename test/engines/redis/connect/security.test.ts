import assert from "node:assert/strict";
import test from "node:test";
import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";
import { certify, opensslMissing } from "../../../fixtures/servers/certificates.ts";
import { redisMissing, startRedis } from "../../../fixtures/servers/redis-server.ts";

test("TLS, with certificates of client and server", {
  skip: redisMissing ?? opensslMissing,
  concurrency: true,
  timeout: 30_000,
}, async (suite) => {
  const at = certify(suite);
  const files = ["--tls-cert-file", at("server.pem"), "--tls-key-file", at("server.key")];
  const server = await startRedis(...files, "--tls-ca-cert-file", at("ca.pem"));
  const open = await startRedis(...files, "--tls-ca-cert-file", at("ca.pem"), "--tls-auth-clients", "no");
  const plain = await startRedis();
  suite.after(() => Promise.all([server.stop(), open.stop(), plain.stop()]));
  const ca = `ca=${at("ca.pem")}`;
  const client = `cert=${at("client.pem")}&key=${at("client.key")}`;

  suite.test("calls and watches", async () => {
    const [engine, other] = await Promise.all([
      openRedisEngine(`rediss://${server.address}?${ca}&${client}`),
      openRedisEngine(`rediss://${server.address}?${ca}&${client}&servername=store.example`),
    ]);
    try {
      const session = await engine.openSession();
      const watch = engine.watch([{ key: "a" }]);
      const mutations = [{ type: "set", key: "a", value: "1" } as const];
      const { version } = await other.commit({ mutations });
      assert.equal((await watch.next()).value[0].version, version);
      assert.equal((await engine.get("a"))?.value, "1");
      assert.equal(session.signal.aborted, false);
      assert.equal((await engine.info()).details.tls, true);
    } finally {
      await Promise.all([engine.close(), other.close()]);
    }
  });

  suite.test("a server that asks for no certificate of its clients", async () => {
    await (await openRedisEngine(`rediss://${open.address}?${ca}`)).close();
  });

  const WRONG = [
    ["an authority that is not trusted", () => `rediss://${open.address}`, "ERR_STORE_AUTHENTICATION", /certificate/],
    [
      "another authority",
      () => `rediss://${open.address}?ca=${at("stranger.pem")}`,
      "ERR_STORE_AUTHENTICATION",
      /certificate/,
    ],
    [
      "another name",
      () => `rediss://${open.address}?${ca}&servername=other.example`,
      "ERR_STORE_AUTHENTICATION",
      /other\.example/,
    ],
    [
      "no certificate of the client's",
      () => `rediss://${server.address}?${ca}`,
      "ERR_STORE_AUTHENTICATION",
      /certificate/,
    ],
    [
      "TLS to a server that does not speak it",
      () => `rediss://${plain.address}?${ca}`,
      "ERR_STORE_UNAVAILABLE",
      /TLS.*redis:/,
    ],
    ["no TLS to a server that speaks it", () => `redis://${open.address}`, "ERR_STORE_UNAVAILABLE", /rediss:/],
  ] as const;
  for (const [name, url, code, says] of WRONG)
    suite.test(`${name}: ${code}`, async () => {
      await assert.rejects(openRedisEngine(url()), (error: Error & { code?: string }) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, says);
        return true;
      });
    });
});
