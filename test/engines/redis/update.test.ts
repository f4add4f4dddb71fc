import assert from "node:assert/strict";
import test from "node:test";
import type { Mutation } from "../../../src/engine/contract.ts";
import { openRedisEngine } from "../../../src/engines/redis/engine.ts";
import { redisMissing, startRedis } from "../../fixtures/servers/redis-server.ts";

type Set = Extract<Mutation, { type: "set" }>;

/** The script has a short way for an update of one plain entry; with a second mutation it goes the long way. */
test("an update by the script's short way leaves what the long way leaves", { skip: redisMissing }, async () => {
  const server = await startRedis();
  const engine = await openRedisEngine(`redis://${server.address}`);
  try {
    const session = await engine.openSession();
    // The first connection to a store that is there makes the versions go on from higher up, once.
    await (await openRedisEngine(`redis://${server.address}`)).close();
    const values: Omit<Set, "type" | "key">[] = [
      { value: "text" },
      { value: "äöü\n0 \0" },
      { value: "" },
      { value: Uint8Array.of(0, 10, 255) },
      { value: "x".repeat(5000) },
      { value: "with a time", ttl: 3_600_000 },
      { value: "of a session", session: session.id },
    ];
    // The connection for watches is made and stays: after it has greeted the store versions count up by one.
    const steady = engine.watch([{ key: "steady" }]);
    await engine.commit({ mutations: [{ type: "set", key: "steady", value: "" }] });
    await steady.next();
    let pairs = 0;
    for (const space of [undefined, "system"] as const)
      for (const before of values)
        for (const after of values) {
          const key = `pair ${pairs++}`;
          const place = { type: "set", ...(space && { space }) } as const;
          const both = [`${key} short`, `${key} long`] as const;
          const changes = engine.watch(both.map((one) => ({ key: one, ...(space && { space }) })));
          await engine.commit({ mutations: both.map((one) => ({ ...place, key: one, ...before })) });
          const short = await engine.commit({ mutations: [{ ...place, key: both[0], ...after }] });
          const long = await engine.commit({
            mutations: [
              { ...place, key: both[1], ...after },
              { type: "delete", key: "nothing" },
            ],
          });
          assert.equal(long.version, short.version + 1);
          const [first, second] = await Promise.all(both.map((one) => engine.get(one, space)));
          const alike = { key, version: 0, ...(after.ttl && { expiresAt: 0 }) };
          assert.deepEqual({ ...first, ...alike }, { ...second, ...alike });
          const seen = new Map<string, unknown>();
          while (seen.size < 2)
            for (const change of (await changes.next()).value ?? [])
              if (change.type === "set" && change.version >= short.version) seen.set(change.key, change.entry);
          assert.deepEqual([seen.get(both[0]), seen.get(both[1])], [first, second]);
          await changes.return?.();
        }
    assert.equal(pairs, 98);
    await steady.return?.();
    await session.close();
    const left = await engine.list({});
    assert.equal(
      left.entries.some((entry) => entry.session !== undefined),
      false,
    );
  } finally {
    await engine.close();
    await server.stop();
  }
});
