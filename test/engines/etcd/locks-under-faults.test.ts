import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LockClient } from "../../../src/coordination/lock-client.ts";
import type { Session } from "../../../src/engine/engine.ts";
import { openEtcdEngine } from "../../../src/engines/etcd/engine.ts";
import { etcdMissing, startEtcd } from "../../fixtures/etcd-server.ts";
import { tcpProxy } from "../../fixtures/tcp-proxy.ts";

const TTL = 2000;
const DURATION = 6000;

/**
 * Four contenders, each behind a network of its own that is cut off for longer than a lease now and then. All are in this
 * process, so that at every moment it is known who believes to hold the lock.
 */
test("no lock is held twice by holders whose signal has not fired, whatever the network does", {
  skip: etcdMissing,
  timeout: 60_000,
}, async (t) => {
  const server = await startEtcd();
  t.after(() => server.stop());
  const end = performance.now() + DURATION;
  const holders = new Set<number>();
  const counts = { grants: 0, lost: 0, refused: 0 };
  let longest = 0;
  let lastGrant = performance.now();

  const contend = async (number: number) => {
    const proxy = await tcpProxy(server.port);
    const engine = await openEtcdEngine(`etcd://127.0.0.1:${proxy.port}/locks`);
    t.after(async () => {
      proxy.heal();
      await engine.close();
      await proxy.close();
    });
    let session: Promise<Session> | undefined;
    const client = new LockClient({
      engine,
      async session() {
        if ((await session?.catch(() => undefined))?.signal.aborted !== false) session = undefined;
        session ??= engine.openSession({ ttl: TTL });
        return session;
      },
    });
    while (performance.now() < end) {
      try {
        const lock = await client.lock("l", { timeout: Math.max(1, end - performance.now()) });
        const now = performance.now();
        longest = Math.max(longest, now - lastGrant);
        lastGrant = now;
        counts.grants++;
        if (!lock.signal.aborted) {
          holders.add(number);
          assert.deepEqual([...holders], [number], "held twice");
          lock.signal.addEventListener("abort", () => holders.delete(number), { once: true });
        }
        // Every fourth grant the network of its holder dies, for longer than the lease lives.
        if (counts.grants % 4 === 0) {
          proxy.stall();
          await sleep(TTL + 500);
          assert.equal(lock.signal.aborted, true, "a holder who is cut off must be told");
          counts.lost++;
          proxy.heal();
        } else {
          const written = await engine.commit({
            checks: [lock.check],
            mutations: [{ type: "set", key: "owner", value: String(number) }],
          });
          if (!written.ok) counts.refused++;
          await sleep(20);
        }
        holders.delete(number);
        await lock.release();
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === "ERR_ASSERTION" || !code?.startsWith("ERR_STORE_")) throw error;
        proxy.heal();
      } finally {
        holders.delete(number);
      }
    }
  };
  await Promise.all([0, 1, 2, 3].map(contend));
  t.diagnostic(JSON.stringify({ ...counts, longestWithoutGrant: Math.round(longest) }));
  assert.ok(counts.lost >= 1 && counts.grants >= 4, JSON.stringify(counts));
  assert.ok(longest < 2 * TTL + 1000, `nobody was served for ${longest} ms`);
});
