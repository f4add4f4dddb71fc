import * as assert from "node:assert/strict";
import { test } from "node:test";
import { checkOptions } from "../../src/wait/options.ts";

const KNOWN = ["timeout", "signal"] as const;

test("checkOptions() accepts no options, known ones, and undefined ones", () => {
  class Options {
    timeout = 5;
  }
  for (const options of [
    undefined,
    {},
    { timeout: 5 },
    { signal: undefined, timeout: null },
    { timout: undefined },
    Object.create(null),
    new Options(),
  ])
    checkOptions(options, KNOWN);
});

test("checkOptions() refuses a misspelt name, and names the known ones", () => {
  assert.throws(() => checkOptions({ timeout: 5, timout: 5 }, KNOWN, "lock"), {
    name: "TypeError",
    code: "ERR_INVALID_ARG_VALUE",
    message: 'the options of lock() must be named timeout or signal; got "timout"',
  });
});

test("checkOptions() refuses anything but an object", () => {
  for (const options of [
    null,
    5000,
    0,
    "5s",
    "",
    true,
    [],
    new Map(),
    () => {},
    AbortSignal.timeout(1),
    new Date(),
    Symbol.iterator,
  ])
    assert.throws(() => checkOptions(options, KNOWN), {
      name: "TypeError",
      code: "ERR_INVALID_ARG_TYPE",
      message: /^options must be an object with timeout or signal; got /,
    });
});
