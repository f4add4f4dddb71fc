import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { openStoreSync, StoreError, store } from "ipctools";
import * as functions from "ipctools/store";
import { type Caller, callers, type ErrorSeen, KINDS, message, start } from "./callers.ts";

/*
 * What the documentation says of the blocking API, one row of its table after the other, in one process and across
 * processes that were forked. `ipctools` is the package as a user installs it, on whatever runtime runs this file.
 */

function temporaryFile(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return path.join(folder, "store.db");
}

async function value(answer: ReturnType<Caller>): Promise<unknown> {
  const { error, value } = await answer;
  assert.equal(error, undefined);
  return value;
}

async function refusal(answer: ReturnType<Caller>): Promise<ErrorSeen> {
  const { error, value } = await answer;
  assert.ok(error, `was accepted, and gave ${value}`);
  return error;
}

async function holdWriteLock(t: TestContext, file: string): Promise<() => Promise<void>> {
  const child = start(t, "holder.ts", [file]);
  await message(child);
  return async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
}

for (const kind of KINDS) {
  const row = (name: string, run: (t: TestContext, file: string, one: Caller, other: Caller) => Promise<void>) =>
    test(`${kind}: ${name}`, { timeout: 30_000 }, async (t) => {
      const file = temporaryFile(t);
      const [one, other] = await callers(t, kind, file);
      await run(t, file, one, other);
    });

  row("getValue gives the value, or undefined if the key does not exist", async (_, _file, one, other) => {
    await value(one("setValue", "key", "value"));
    assert.equal(await value(other("getValue", "key")), "value");
    assert.equal(await value(other("getValue", "another")), undefined);
  });

  row("getValue throws if nothing was ever set: there is no file, and reading creates none", async (_, file, one) => {
    const error = await refusal(one("getValue", "key"));
    assert.equal(error.code, "ERR_STORE_NOT_INITIALIZED");
    assert.ok(error.message.includes(file));
    assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
  });

  row("getValue throws if the file is empty, and reading does not change it", async (_, file, one, other) => {
    fs.writeFileSync(file, "", { mode: 0o600 });
    assert.equal((await refusal(one("getValue", "key"))).code, "ERR_STORE_NOT_INITIALIZED");
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ["store.db"]);
    assert.equal(fs.statSync(file).size, 0);
    await value(other("setValue", "key", "value"));
    assert.equal(await value(one("getValue", "key")), "value");
  });

  row("setValue creates the store, sets, and updates a value that exists", async (_, file, one, other) => {
    assert.equal(await value(one("setValue", "key", "first")), undefined);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.equal(await value(other("setValue", "key", "second")), undefined);
    assert.equal(await value(one("getValue", "key")), "second");
    assert.equal(await value(other("getValue", "key")), "second");
  });

  row("setValue throws if another process is setting a value and does not finish", async (t, file, one, other) => {
    await value(one("setValue", "key", "before"));
    const release = await holdWriteLock(t, file);
    const begun = performance.now();
    const error = await refusal(other("setValue", "key", "after", { timeout: 200 }));
    const waited = performance.now() - begun;
    assert.deepEqual([error.name, error.code, error.retryable], ["StoreError", "ERR_STORE_BUSY", true]);
    assert.ok(error.isStoreError);
    assert.ok(waited >= 195, `gave up after ${waited} ms`);
    assert.equal(await value(one("getValue", "key")), "before");
    await release();
    await value(other("setValue", "key", "after", { timeout: 200 }));
    assert.equal(await value(one("getValue", "key")), "after");
  });

  row("createValue says whether it created the value, and changes none that exists", async (_, _file, one, other) => {
    assert.equal(await value(one("createValue", "key", "one's")), true);
    assert.equal(await value(other("createValue", "key", "other's")), false);
    assert.equal(await value(one("createValue", "key", "again")), false);
    assert.equal(await value(other("getValue", "key")), "one's");
  });

  row("createValue gives exactly one winner of several that try at once", async (_, _file, one, other) => {
    for (let round = 0; round < 100; round++) {
      const key = `round ${round}`;
      const won = await Promise.all([value(one("createValue", key, "one")), value(other("createValue", key, "other"))]);
      assert.equal(won.filter(Boolean).length, 1);
      assert.equal(await value(one("getValue", key)), won[0] ? "one" : "other");
    }
  });

  row("createValue on a store that is busy throws: false means that somebody has it", async (t, file, one, other) => {
    await value(one("setValue", "key", "value"));
    const release = await holdWriteLock(t, file);
    assert.equal((await refusal(other("createValue", "new", "value", { timeout: 100 }))).code, "ERR_STORE_BUSY");
    await release();
    assert.equal(await value(other("createValue", "new", "value")), true);
  });

  row("tryGetValue gives undefined where getValue throws a StoreError", async (_, file, one, other) => {
    assert.equal(await value(one("tryGetValue", "key")), undefined);
    fs.writeFileSync(file, "no store at all, but a text of some length", { mode: 0o600 });
    assert.equal(await value(other("tryGetValue", "key")), undefined);
    fs.rmSync(file);
    await value(one("setValue", "key", "value"));
    assert.equal(await value(other("tryGetValue", "key")), "value");
  });

  row("trySetValue says whether it was set, within its tries", async (t, file, one, other) => {
    assert.equal(await value(one("trySetValue", "key", "value")), true);
    const release = await holdWriteLock(t, file);
    assert.equal(await value(other("trySetValue", "key", "new", { timeout: 50 })), false);
    const begun = performance.now();
    assert.equal(await value(other("trySetValue", "key", "new", { timeout: 50, retries: 2 })), false);
    const took = performance.now() - begun;
    assert.ok(took >= 3 * 45 + 2 * 45, `three tries and two pauses took only ${took} ms`);
    assert.equal(await value(one("getValue", "key")), "value");
    // A process that is itself trying cannot end the other one's write meanwhile.
    const trying = kind === "forked processes" ? other("trySetValue", "key", "new", { retries: 50 }) : undefined;
    await release();
    assert.equal(await value(trying ?? other("trySetValue", "key", "new")), true);
    assert.equal(await value(one("getValue", "key")), "new");
  });

  row("tryCreateValue gives false if the key exists, and if there was a StoreError", async (t, file, one, other) => {
    assert.equal(await value(one("tryCreateValue", "key", "value")), true);
    assert.equal(await value(other("tryCreateValue", "key", "value")), false);
    const release = await holdWriteLock(t, file);
    assert.equal(await value(other("tryCreateValue", "new", "value", { timeout: 50, retries: 1 })), false);
    await release();
    assert.equal(await value(one("getValue", "new")), undefined);
    assert.equal(await value(other("tryCreateValue", "new", "value", { retries: 1 })), true);
  });

  row("a caller's mistake is a TypeError or RangeError, from the try… functions too", async (_, file, one, other) => {
    const long = "x".repeat(64 * 1024 + 1);
    const mistakes: [string, string, Parameters<Caller>][] = [
      ["TypeError", "ERR_INVALID_ARG_TYPE", ["setValue", "key", 1]],
      ["TypeError", "ERR_INVALID_ARG_TYPE", ["setValue", "key", undefined]],
      ["TypeError", "ERR_INVALID_ARG_TYPE", ["setValue", 1, "value"]],
      ["TypeError", "ERR_INVALID_ARG_TYPE", ["trySetValue", "key", null]],
      ["TypeError", "ERR_INVALID_ARG_TYPE", ["tryCreateValue", "key", {}]],
      ["TypeError", "ERR_INVALID_ARG_TYPE", ["tryGetValue", 1]],
      ["TypeError", "ERR_INVALID_ARG_VALUE", ["createValue", "lone \ud800 surrogate", "value"]],
      ["TypeError", "ERR_INVALID_ARG_VALUE", ["trySetValue", "key", "\udfff"]],
      ["RangeError", "ERR_OUT_OF_RANGE", ["getValue", long]],
      ["RangeError", "ERR_OUT_OF_RANGE", ["tryGetValue", long]],
      ["RangeError", "ERR_OUT_OF_RANGE", ["trySetValue", long, "value"]],
      ["RangeError", "ERR_OUT_OF_RANGE", ["setValue", "key", "value", { timeout: -1 }]],
      ["RangeError", "ERR_OUT_OF_RANGE", ["trySetValue", "key", "value", { retries: -1 }]],
      ["TypeError", "ERR_INVALID_ARG_TYPE", ["createValue", "key", "value", { timeout: "soon" }]],
    ];
    for (const [name, code, call] of mistakes)
      for (const caller of [one, other]) {
        const error = await refusal(caller(...call));
        assert.deepEqual([error.name, error.code, error.isStoreError], [name, code, false], JSON.stringify(call));
      }
    assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
  });

  row("any string is a key and a value", async (_, _file, one, other) => {
    const strings = ["", "\0", "a\0b", "line\nbreak\r\n", "🗳️ élu", "'; DROP TABLE store; --", " ", "\u{10ffff}\ufeff"];
    for (const text of strings) await value(one("setValue", text, text));
    for (const text of strings) assert.equal(await value(other("getValue", text)), text);
    const large = "0123456789abcdef".repeat((10 * 1024 * 1024) / 16);
    await value(one("setValue", "large", large));
    assert.ok((await value(other("getValue", "large"))) === large);
  });
}

test("StoreError is an Error with code, retryable and cause", (t) => {
  const file = temporaryFile(t);
  fs.writeFileSync(file, "SQLite format 3\0 but then something else", { mode: 0o600 });
  const store = openStoreSync(file);
  t.after(() => store.close());
  assert.throws(
    () => store.getValue("key"),
    (error) => {
      assert.ok(error instanceof StoreError && error instanceof Error);
      assert.equal(error.name, "StoreError");
      assert.match(error.code, /^ERR_STORE_(NOT_A_STORE|DAMAGED)$/);
      assert.equal(error.retryable, false);
      assert.ok("cause" in error || error.cause === undefined);
      return true;
    },
  );
  const cause = new Error("the cause");
  assert.equal(new StoreError("ERR_STORE_IO", "message", { cause }).cause, cause);
});

test("openStoreSync opens any number of files side by side; close is idempotent, and final", (t) => {
  const files = [temporaryFile(t), temporaryFile(t)];
  const stores = files.map((file) => openStoreSync(file));
  stores.forEach((store, i) => {
    store.setValue("key", `value ${i}`);
  });
  assert.deepEqual(
    stores.map((store) => store.getValue("key")),
    ["value 0", "value 1"],
  );
  for (const store of stores) {
    store.close();
    store[Symbol.dispose]();
    assert.throws(() => store.getValue("key"), { name: "StoreError", code: "ERR_STORE_CLOSED" });
  }
});

test("IPCTOOLS_STORE is read when the store is first used; the functions of ipctools/store use it too", (t) => {
  const file = temporaryFile(t);
  process.env.IPCTOOLS_STORE = file;
  store.setValue("key", "value");
  process.env.IPCTOOLS_STORE = temporaryFile(t);
  assert.equal(functions.getValue("key"), "value");
  functions.setValue("key", "new");
  assert.equal(functions.createValue("key", "newer"), false);
  assert.equal(functions.tryCreateValue("key", "newer"), false);
  assert.equal(functions.trySetValue("other", "value"), true);
  assert.equal(functions.tryGetValue("other"), "value");
  assert.equal(store.getValue("key"), "new");
  assert.ok(fs.existsSync(file));
  delete process.env.IPCTOOLS_STORE;
});
