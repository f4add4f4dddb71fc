import * as assert from "node:assert/strict";
import { test } from "node:test";
import { lockTable } from "../../../src/coordination/locks/table.ts";
import type { Value } from "../../../src/engine/entry.ts";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";
import { openStore, type Store } from "../../../src/index.ts";

const OWNER = { pid: 1, host: "h", command: "c", since: 1 };

/** What no record is. */
const MALFORMED: Value[] = [
  "",
  "null",
  "1",
  '"text"',
  "[]",
  "{}",
  "{",
  new Uint8Array([123, 125]),
  ...[{ pid: "1" }, { host: 1 }, { command: null }, { since: 9e15 }, { since: "1" }].map((part) =>
    JSON.stringify({ ...OWNER, ...part }),
  ),
];

/** Each place of the system space, and the calls that read it. */
const READERS: Record<string, [key: string, ...reads: ((store: Store) => Promise<unknown>)[]]> = {
  lock: ["lock/a/exclusive/x-1", (store) => lockTable(store.participant.engine), (store) => store.locks.query()],
  "lock's name": ["lock/%zz/exclusive/x-1", (store) => store.locks.query()],
  semaphore: ["semaphore/a/x-1", (store) => store.semaphore("a", 1).state()],
  election: ["election/a/x-1", (store) => store.leader("a"), (store) => store.leaders("a").next()],
  barrier: ["barrier/a/party/x-1", (store) => store.barrier("a", 2).state()],
  "opening of a barrier": ["barrier/a/opening", (store) => store.barrier("a", 2).wait({ timeout: 1000 })],
  once: ["once/a/outcome", (store) => store.once("a", () => 1)],
  queue: [`queue/a/ready/${"0".repeat(16)}`, (store) => store.queue("a").take({ timeout: 1000 })],
  "dead letter": [
    `queue/a/dead/${"0".repeat(16)}`,
    (store) => store.queue("a").deadLetters[Symbol.asyncIterator]().next(),
  ],
};

for (const [what, [key, ...reads]] of Object.entries(READERS))
  test(`a malformed record (${what}) is ERR_STORE_CODEC`, async () => {
    for (const value of MALFORMED) {
      // An array is what an opening holds.
      if (key.endsWith("/opening") && value === "[]") continue;
      const store = await openStore(memoryEngine());
      const { engine } = store.participant;
      const session = (await engine.openSession()).id;
      await engine.commit({ mutations: [{ type: "set", space: "system", key, value, session }] });
      for (const read of reads)
        await assert.rejects(read(store), { name: "StoreError", code: "ERR_STORE_CODEC" }, `${key}: ${value}`);
      await store.close();
    }
  });
