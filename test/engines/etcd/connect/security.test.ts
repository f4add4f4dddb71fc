import assert from "node:assert/strict";
import test from "node:test";
import { openEtcdEngine } from "../../../../src/engines/etcd/engine.ts";
import { certify, opensslMissing } from "../../../fixtures/servers/certificates.ts";
import { etcdMissing, startEtcd } from "../../../fixtures/servers/etcd-server.ts";

const set = (key: string, value = "1") => ({ mutations: [{ type: "set", key, value }] }) as const;

test("users, roles and tokens that the server forgot", { skip: etcdMissing, timeout: 20_000 }, async (t) => {
  const server = await startEtcd();
  t.after(() => server.stop());
  // A password that needs encoding.
  const password = "p@ss/w:rd";
  const url = (user: string, secret: string) => `etcd://${user}:${encodeURIComponent(secret)}@${server.address}/app`;
  // A server that asks for no password takes any.
  await (await openEtcdEngine(url("root", "whatever"))).close();
  await server.etcdctl("user", "add", `root:${password}`);
  await server.etcdctl("user", "grant-role", "root", "root");
  await server.etcdctl("role", "add", "app");
  await server.etcdctl("role", "grant-permission", "app", "readwrite", "/app/", "--prefix=true");
  await server.etcdctl("user", "add", "app:secret");
  await server.etcdctl("user", "grant-role", "app", "app");
  await server.etcdctl("auth", "enable");

  const engine = await openEtcdEngine(url("app", "secret"));
  t.after(() => engine.close());
  const session = await engine.openSession({ ttl: 4000 });
  const changes = engine.watch([{ prefix: "k" }]);
  await engine.commit(set("k1"));
  assert.equal((await changes.next()).value[0].key, "k1");
  const info = await engine.info();
  assert.doesNotMatch(JSON.stringify(info), /secret/);
  assert.match(info.location, /etcd:\/\/app@127/);

  const rejects = (user: string, secret: string, code: string) =>
    assert.rejects(openEtcdEngine(url(user, secret)), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.message);
      assert.ok(!JSON.stringify([error.message, error.stack, String(error.cause)]).includes(secret));
      return true;
    });
  await rejects("app", "hunter2", "ERR_STORE_AUTHENTICATION");
  await rejects("nobody", "hunter2", "ERR_STORE_AUTHENTICATION");
  await assert.rejects(openEtcdEngine(`etcd://${server.address}/app`), { code: "ERR_STORE_AUTHENTICATION" });
  await assert.rejects(openEtcdEngine(`etcd://app:secret@${server.address}/else`), { code: "ERR_STORE_PERMISSION" });
  await (await openEtcdEngine(url("root", password))).close();

  // Simple tokens live in the server's memory.
  await server.kill();
  await server.start();
  await engine.commit(set("k3"), { timeout: 10_000 });
  assert.equal((await changes.next()).value[0].key, "k3");
  assert.equal(session.signal.aborted, false);
  await changes.return?.();
});

test("TLS, with certificates of client and server", {
  skip: etcdMissing ?? opensslMissing,
  timeout: 20_000,
}, async (t) => {
  const at = certify(t);
  const tls = { cert: at("server.pem"), key: at("server.key"), ca: at("ca.pem"), clients: true };
  const server = await startEtcd({ tls });
  t.after(() => server.stop());
  const url = `etcds://${server.address}/app`;
  const client = `cert=${at("client.pem")}&key=${at("client.key")}`;

  const engine = await openEtcdEngine(`${url}?ca=${at("ca.pem")}&${client}`);
  await engine.commit(set("a"));
  assert.equal((await engine.get("a"))?.value, "1");
  assert.equal((await engine.info()).details.tls, true);
  await engine.close();

  const named = await openEtcdEngine(`${url}?ca=${at("ca.pem")}&${client}&servername=store.example`);
  await named.close();

  const rejects = (location: string, code: string) =>
    assert.rejects(openEtcdEngine(location), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.message);
      return true;
    });
  await rejects(`${url}?timeout=800&ca=${at("stranger.pem")}&${client}`, "ERR_STORE_AUTHENTICATION");
  await rejects(`${url}?timeout=800&ca=${at("ca.pem")}&${client}&servername=other.example`, "ERR_STORE_AUTHENTICATION");
  await rejects(`${url}?timeout=800&ca=${at("ca.pem")}`, "ERR_STORE_AUTHENTICATION");
  await rejects(`${url.replace("etcds", "etcd")}?timeout=800`, "ERR_STORE_UNAVAILABLE");
  const plain = await startEtcd();
  t.after(() => plain.stop());
  await rejects(`etcds://${plain.address}/app?timeout=800&ca=${at("ca.pem")}`, "ERR_STORE_UNAVAILABLE");
});
