import * as assert from "node:assert/strict";
import { test } from "node:test";
import { openStore } from "../../src/index.ts";

/* The options of every call of coordination are checked: values of a wrong kind, and names that nobody knows. */

const store = await openStore("memory:options");

/** Each public call that takes options, and the names that it knows. */
const CALLS: Record<string, { readonly known: readonly string[]; call(options: never): unknown }> = {
  "lock()": { known: ["mode", "signal", "timeout"], call: (options) => store.lock("x", options) },
  "acquire()": { known: ["signal", "timeout"], call: (options) => store.semaphore("x", 1).acquire(options) },
  "tryAcquire()": { known: ["signal", "timeout"], call: (options) => store.semaphore("x", 1).tryAcquire(options) },
  "elect()": { known: ["value", "signal", "timeout"], call: (options) => store.elect("x", options) },
  "leaders()": { known: ["signal"], call: (options) => store.leaders("x", options).next() },
  "once()": {
    known: ["ttl", "cacheFailures", "keep", "signal", "timeout"],
    call: (options) => store.once("x", () => 1, options),
  },
  "wait()": { known: ["signal", "timeout"], call: (options) => store.barrier("x", 1).wait(options) },
  "channel()": { known: ["capacity"], call: (options) => store.channel("x", options) },
  "queue()": { known: ["attempts"], call: (options) => store.queue("x", options) },
  "push()": { known: ["attempts", "delay"], call: (options) => store.queue("x").push(1, options) },
  "pushing()": { known: ["attempts", "delay"], call: (options) => store.queue("x").pushing(1, options) },
  "take()": { known: ["signal", "timeout"], call: (options) => store.queue("x").take(options) },
  "jobs()": { known: ["signal"], call: (options) => store.queue("x").jobs(options).next() },
  "retry()": {
    known: ["delay", "error"],
    async call(options) {
      const queue = store.queue("retried");
      await queue.push(1);
      const job = await queue.take();
      try {
        await job.retry(options);
      } finally {
        await job.ack();
      }
    },
  },
  "increment()": { known: ["signal", "timeout"], call: (options) => store.counter("x").increment(1, options) },
  "set()": { known: ["signal", "timeout"], call: (options) => store.counter("x").set(1, options) },
  "reset()": { known: ["signal", "timeout"], call: (options) => store.counter("x").reset(options) },
  "rateLimit()": { known: ["limit", "per"], call: (options) => store.rateLimit("x", options) },
  "take() ": {
    known: ["signal", "timeout"],
    call: (options) => store.rateLimit("x", { limit: 1, per: 10 }).take(1, options),
  },
  "tryTake()": {
    known: ["signal", "timeout"],
    call: (options) => store.rateLimit("x", { limit: 1, per: 10 }).tryTake(1, options),
  },
  "reset() ": {
    known: ["signal", "timeout"],
    call: (options) => store.rateLimit("x", { limit: 1, per: 10 }).reset(options),
  },
};

for (const [name, { known, call }] of Object.entries(CALLS)) {
  test(`${name} of ${known} rejects options of a wrong kind`, async () => {
    for (const wrong of [5000, null, "x", [], () => {}]) {
      await assert.rejects(
        async () => call(wrong as never),
        ({ name: kind, code, message }: NodeJS.ErrnoException) => {
          assert.deepEqual([kind, code], ["TypeError", "ERR_INVALID_ARG_TYPE"]);
          for (const option of [name.trim(), ...known]) assert.ok(message.includes(option), message);
          return true;
        },
      );
    }
  });

  test(`${name} of ${known} rejects a misspelt option, and names it and the known ones`, async () => {
    await assert.rejects(
      async () => call({ timout: 5 } as never),
      ({ name: kind, code, message }: NodeJS.ErrnoException) => {
        assert.deepEqual([kind, code], ["TypeError", "ERR_INVALID_ARG_VALUE"]);
        for (const option of ["timout", name.trim(), ...known]) assert.ok(message.includes(option), message);
        return true;
      },
    );
  });
}

test("LockManager.request() ignores unknown members, as Web IDL does", async () => {
  assert.equal(await store.locks.request("x", { timout: 5 } as never, () => "granted"), "granted");
});
