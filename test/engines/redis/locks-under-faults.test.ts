import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lock } from "../../../src/coordination/lock.ts";
import { LockClient } from "../../../src/coordination/lock-client.ts";
import type { Session } from "../../../src/engine/engine.ts";
import { openRedisEngine } from "../../../src/engines/redis/engine.ts";
import { redisMissing, startRedis } from "../../fixtures/redis-server.ts";
import { tcpProxy } from "../../fixtures/tcp-proxy.ts";

const TTL = 1500;
const DURATION = 6000;

/**
 * Four contenders, each behind a network of its own that is cut off for longer than a session lives now and then, and cut
 * at once in between. All are in this process, so that at every moment it is known who believes to hold the lock.
 */
test("no lock is held twice by holders whose signal has not fired, whatever the network does", {
  skip: redisMissing,
  timeout: 60_000,
}, async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const end = performance.now() + DURATION;
  const holders = new Set<number>();
  const counts = { grants: 0, lost: 0, cut: 0, refused: 0 };
  let longest = 0;
  let lastGrant = performance.now();
  let newest = 0;

  const contend = async (number: number) => {
    const proxy = await tcpProxy(server.port);
    t.after(() => proxy.close());
    const engine = await openRedisEngine(`redis://127.0.0.1:${proxy.port}`);
    t.after(async () => {
      proxy.heal();
      await engine.close();
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
      let lock: Lock | undefined;
      try {
        lock = await client.lock("l", { timeout: Math.max(1, end - performance.now()) });
        const now = performance.now();
        longest = Math.max(longest, now - lastGrant);
        lastGrant = now;
        const turn = ++counts.grants % 4;
        if (!lock.signal.aborted) {
          holders.add(number);
          assert.deepEqual([...holders], [number], "held twice");
          lock.signal.addEventListener("abort", () => holders.delete(number), { once: true });
        }
        if (turn === 0) {
          // The network of this holder dies, for longer than its session lives: both ways, or one of them.
          proxy.stall(([undefined, "up", "down"] as const)[counts.lost % 3]);
          await sleep(TTL + 300);
          assert.equal(lock.signal.aborted, true, "a holder who is cut off must be told");
          counts.lost++;
          proxy.heal();
        } else {
          if (turn === 2) {
            proxy.cut();
            counts.cut++;
          }
          const mutations = [{ type: "set", key: "owner", value: String(number) } as const];
          const written = await engine.commit({ checks: [lock.check], mutations });
          if (!written.ok) counts.refused++;
          else {
            assert.ok(written.version > newest, "a write under an older token came through");
            newest = written.version;
          }
          await sleep(20);
        }
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === "ERR_ASSERTION" || !code?.startsWith("ERR_STORE_")) throw error;
        proxy.heal();
      } finally {
        holders.delete(number);
        await lock?.release();
      }
    }
  };
  await Promise.all([0, 1, 2, 3].map(contend));
  t.diagnostic(JSON.stringify({ ...counts, longestWithoutGrant: Math.round(longest) }));
  assert.ok(counts.lost >= 1 && counts.cut >= 1 && counts.grants >= 4, JSON.stringify(counts));
  assert.ok(longest < 2 * TTL + 2000, `nobody was served for ${longest} ms`);
});
