import assert from "node:assert/strict";
import test from "node:test";
import { LeasedSessions, type Leases } from "../../src/engine/leased-sessions.ts";
import { closedError } from "../../src/engine/standard-errors.ts";

const LOST = { code: "ERR_STORE_SESSION_LOST" };

/** A server of leases in this process. */
class TestServer implements Leases {
  readonly leases = new Set<string>();
  heartbeats = 0;
  isReachable = true;
  /** Settles the grants that wait, where there is one. */
  granting: Promise<void> | undefined;

  async grant(ttl: number) {
    await this.granting;
    this.#reach();
    const id = `lease ${this.leases.size}`;
    this.leases.add(id);
    return { id, ttl };
  }

  margin(ttl: number): number {
    return ttl / 4;
  }

  async heartbeat({ id }: { readonly id: string }): Promise<boolean> {
    this.heartbeats++;
    this.#reach();
    return this.leases.has(id);
  }

  async release(id: string): Promise<void> {
    this.#reach();
    this.leases.delete(id);
  }

  #reach(): void {
    if (!this.isReachable) throw new Error("not reachable");
  }
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason), { once: true }));
}

test("a session lives as long as its heartbeats are answered, and is lost before its lease can expire", async () => {
  const server = new TestServer();
  const sessions = new LeasedSessions(server);
  const ttl = 400;
  const begun = performance.now();
  const session = await sessions.open({ ttl });
  while (server.heartbeats < 4) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(performance.now() - begun >= ttl, `${performance.now() - begun} ms`);
  assert.equal(session.signal.aborted, false);
  sessions.assertOpen(session.id);
  server.isReachable = false;
  const silent = performance.now();
  assert.match(String(await aborted(session.signal)), /no heartbeat was answered within \d+ ms/);
  assert.ok(performance.now() - silent < ttl, `${performance.now() - silent} ms`);
  assert.throws(() => sessions.assertOpen(session.id), LOST);
});

test("expireOverdue() ends a session in a process that was stopped for longer than its lease", async () => {
  const sessions = new LeasedSessions(new TestServer());
  const [short, long] = [await sessions.open({ ttl: 100 }), await sessions.open({ ttl: 60_000 })];
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 110);
  assert.equal(short.signal.aborted, false);
  sessions.expireOverdue();
  assert.deepEqual([short.signal.reason?.code, long.signal.aborted], [LOST.code, false]);
  await sessions.close(closedError("store"));
});

test("a session whose lease has ended on the server is lost", async () => {
  const server = new TestServer();
  const sessions = new LeasedSessions(server);
  const [one, two, other] = [await sessions.open(), await sessions.open(), await sessions.open()];
  server.leases.delete(one.id);
  assert.equal(await sessions.heartbeat(one.id), false);
  assert.equal(one.signal.reason.code, LOST.code);
  sessions.lose(two.id);
  assert.equal(two.signal.reason.code, LOST.code);
  assert.equal(await sessions.heartbeat(other.id), true);
  assert.equal(await sessions.heartbeat("unknown"), false);
  await sessions.close(closedError("store"));
  assert.deepEqual([other.signal.reason.code, server.leases.size], ["ERR_STORE_CLOSED", 0]);
});

test("an ended session is refused until the server has confirmed its end or its lease must have expired", async () => {
  const server = new TestServer();
  const sessions = new LeasedSessions(server);
  const ttl = 50;
  const [confirmed, unconfirmed, last] = [await sessions.open(), await sessions.open({ ttl }), await sessions.open()];
  const closing = confirmed.close();
  assert.throws(() => sessions.assertOpen(confirmed.id), LOST);
  await closing;
  // From here on the server refuses it.
  sessions.assertOpen(confirmed.id);
  server.isReachable = false;
  await unconfirmed.close();
  assert.throws(() => sessions.assertOpen(unconfirmed.id), LOST);
  await new Promise((resolve) => setTimeout(resolve, 2 * ttl + 1));
  // It is dropped when the next session ends.
  await last.close();
  sessions.assertOpen(unconfirmed.id);
  assert.throws(() => sessions.assertOpen(last.id), LOST);
});

test("a session that is granted while the sessions are closed is released, and its caller hears that", async () => {
  const server = new TestServer();
  const sessions = new LeasedSessions(server);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.granting = promise;
  const opening = sessions.open();
  await sessions.close(closedError("store"));
  resolve();
  await assert.rejects(opening, { code: "ERR_STORE_CLOSED", message: /store/ });
  assert.equal(server.leases.size, 0);
  await assert.rejects(sessions.open(), { code: "ERR_STORE_CLOSED" });
});

test("open() refuses a ttl that is not one", async () => {
  const sessions = new LeasedSessions(new TestServer());
  for (const ttl of [0, -1, Number.NaN, "1"]) await assert.rejects(sessions.open({ ttl: ttl as number }), /ttl/);
});

test("a session counts as lost while the margin of its lease is left, by the wall clock too", async (t) => {
  const sessions = new LeasedSessions(new TestServer());
  const ttl = 60_000;
  const margin = new TestServer().margin(ttl);
  const { now } = Date;
  t.after(() => {
    Date.now = now;
  });
  const session = await sessions.open({ ttl });
  const advanceTo = (time: number) => {
    Date.now = () => now() + time;
    sessions.expireOverdue();
  };
  advanceTo(ttl - margin - 5000);
  assert.equal(session.signal.aborted, false);
  // From here to the end of the lease nobody may trust the session any more, and the server does not yet give it to others.
  advanceTo(ttl - margin + 1);
  assert.equal(session.signal.reason?.code, LOST.code);
  await sessions.close(closedError("store"));
});
