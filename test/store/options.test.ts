import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openStore, type Store } from "../../src/index.ts";

/** Every call of the store that takes options, with the options as a caller without types might give them. */
const CALLS: Readonly<Record<string, (store: Store, options: never) => unknown>> = {
  set: (store, options) => store.set("k", "v", options),
  create: (store, options) => store.create("k", "v", options),
  delete: (store, options) => store.delete("k", options),
  update: (store, options) => store.update("k", () => "v", options),
  increment: (store, options) => store.increment("n", 1, options),
  clear: (store, options) => store.clear("k", options),
  list: (store, options) => store.list(options).next(),
  keys: (store, options) => store.keys(options).next(),
  watch: (store, options) => store.watch("k", options),
  waitFor: (store, options) => store.waitFor("k", undefined, options),
  "atomic().set": (store, options) => store.atomic().set("k", "v", options),
  "atomic().commit": (store, options) => store.atomic().set("k", "v").commit(options),
  openStore: (_, options) => openStore("memory:", options),
  "openStore, session": (_, options) => openStore("memory:", { session: options }),
};

describe("options of a wrong kind or name are a TypeError, and nothing is written", () => {
  for (const [name, call] of Object.entries(CALLS))
    test(name, async () => {
      const store = await openStore("memory:");
      for (const wrong of [5000, null, "x", true, [], () => {}, AbortSignal.timeout(1000)])
        await assert.rejects(async () => call(store, wrong as never), {
          name: "TypeError",
          code: "ERR_INVALID_ARG_TYPE",
        });
      await assert.rejects(
        async () => call(store, { timout: 5 } as never),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "ERR_INVALID_ARG_VALUE");
          assert.match(error.message, /timout/);
          return error instanceof TypeError;
        },
      );
      assert.deepEqual((await store.info()).keys, 0);
      await store.close();
    });
});
