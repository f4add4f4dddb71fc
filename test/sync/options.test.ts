import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { openStoreSync, type SyncStore } from "../../src/index.ts";

let folder: string;
let store: SyncStore;
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  store = openStoreSync(path.join(folder, "store.db"));
});
after(() => {
  store.close();
  fs.rmSync(folder, { recursive: true });
});

const CALLS: Record<string, (options: never) => unknown> = {
  setValue: (options) => store.setValue("k", "v", options),
  createValue: (options) => store.createValue("k", "v", options),
  deleteValue: (options) => store.deleteValue("k", options),
  trySetValue: (options) => store.trySetValue("k", "v", options),
  tryCreateValue: (options) => store.tryCreateValue("k", "v", options),
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name}() refuses options of a wrong kind, and writes nothing`, () => {
    for (const options of [5000, null, "5s", [], AbortSignal.timeout(1)])
      assert.throws(() => call(options as never), {
        name: "TypeError",
        code: "ERR_INVALID_ARG_TYPE",
        message: new RegExp(`^the options of ${name}\\(\\) must be an object with [a-z or]+; got `),
      });
    for (const timeout of ["5", null])
      assert.throws(() => call({ timeout } as never), {
        name: "TypeError",
        code: "ERR_INVALID_ARG_TYPE",
        message: /^timeout must be /,
      });
    assert.equal(store.info().initialized, false);
  });

  test(`${name}() refuses a misspelt option, and names the known ones`, () => {
    const known = name.startsWith("try") ? "retries or timeout" : "timeout";
    assert.throws(() => call({ timout: 5 } as never), {
      name: "TypeError",
      code: "ERR_INVALID_ARG_VALUE",
      message: `the options of ${name}() must be named ${known}; got "timout"`,
    });
    assert.equal(store.info().initialized, false);
  });
}

test("only the calls that try take retries, which must be a number", () => {
  assert.throws(() => CALLS.setValue!({ retries: 1 } as never), {
    code: "ERR_INVALID_ARG_VALUE",
    message: /"retries"$/,
  });
  for (const retries of ["3", null])
    for (const name of ["trySetValue", "tryCreateValue"])
      assert.throws(() => CALLS[name]!({ retries } as never), { name: "TypeError", message: /^retries must be / });
});

test("each further attempt follows after a pause of 50 to 500 ms", (t) => {
  const broken = openStoreSync(path.join(folder, "no", "such", "store.db"));
  t.after(() => broken.close());
  const pauses: number[] = [];
  t.mock.method(Atomics, "wait", (_array: unknown, _index: unknown, _value: unknown, milliseconds: number) => {
    pauses.push(milliseconds);
    return "timed-out";
  });
  assert.equal(broken.trySetValue("k", "v"), false);
  assert.deepEqual(pauses, []);
  for (const random of [0, 0.5, 1]) {
    t.mock.method(Math, "random", () => random);
    assert.equal(broken.tryCreateValue("k", "v", { retries: 2 }), false);
  }
  assert.deepEqual(pauses, [50, 50, 275, 275, 500, 500]);
});

test("options that are absent or undefined have their defaults", () => {
  for (const options of [undefined, {}, { timeout: undefined }, { timeout: Infinity }]) {
    store.setValue("k", "v", options as never);
    assert.equal(store.createValue("k", "v", options as never), false);
    assert.equal(store.trySetValue("k", "v", options as never), true);
    assert.equal(store.deleteValue("k", options as never), true);
  }
  assert.equal(store.tryCreateValue("k", "v", { retries: 0, timeout: 0 }), true);
});
