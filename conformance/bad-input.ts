import assert from "node:assert/strict";
import type { Engine, EngineCapabilities } from "ipctools";
import { set } from "./commit/writing.ts";
import type { Suite } from "./suite.ts";

interface Case {
  readonly name: string;
  readonly code: string;
  call(engine: Engine, capabilities: EngineCapabilities): unknown;
}

const TYPE = "ERR_INVALID_ARG_TYPE";
const VALUE = "ERR_INVALID_ARG_VALUE";
const RANGE = "ERR_OUT_OF_RANGE";
const LONE = "a\ud800b";

/** What a caller without types might give. */
const any = (value: unknown) => value as never;
const write = (engine: Engine, mutation: unknown) => engine.commit({ mutations: [any(mutation)] });

const CASES: readonly Case[] = [
  { name: "get of a number", code: TYPE, call: (engine) => engine.get(any(1)) },
  { name: "get of undefined", code: TYPE, call: (engine) => engine.get(any(undefined)) },
  { name: "get of a lone surrogate", code: VALUE, call: (engine) => engine.get(LONE) },
  {
    name: "get of a key too long",
    code: RANGE,
    call: (engine, { limits }) => engine.get("k".repeat(limits.keyBytes + 1)),
  },
  {
    name: "set of a key too long in bytes, not in characters",
    code: RANGE,
    call: (engine, { limits }) => write(engine, set("é".repeat(limits.keyBytes / 2 + 1))),
  },
  { name: "set of a lone surrogate as a key", code: VALUE, call: (engine) => write(engine, set(LONE)) },
  { name: "set of a lone surrogate as a value", code: VALUE, call: (engine) => write(engine, set("a", LONE)) },
  { name: "set of a number", code: TYPE, call: (engine) => write(engine, set("a", any(1))) },
  { name: "set of null", code: TYPE, call: (engine) => write(engine, set("a", any(null))) },
  { name: "set of an array", code: TYPE, call: (engine) => write(engine, set("a", any([1]))) },
  {
    name: "set of a value too large",
    code: RANGE,
    call: (engine, { limits }) => write(engine, set("a", new Uint8Array(limits.valueBytes + 1))),
  },
  {
    name: "a key that is set twice",
    code: VALUE,
    call: (engine) => engine.commit({ mutations: [set("a", "1"), set("a", "2")] }),
  },
  {
    name: "a key that is set and deleted",
    code: VALUE,
    call: (engine) => engine.commit({ mutations: [set("a", "1"), { type: "delete", key: "a" }] }),
  },
  { name: "a mutation of no kind", code: VALUE, call: (engine) => write(engine, { type: "rename", key: "a" }) },
  { name: "a time to live of 0", code: RANGE, call: (engine) => write(engine, set("a", "", { ttl: 0 })) },
  { name: "a time to live below 0", code: RANGE, call: (engine) => write(engine, set("a", "", { ttl: -1 })) },
  {
    name: "a time to live that is no number",
    code: RANGE,
    call: (engine) => write(engine, set("a", "", { ttl: Number.NaN })),
  },
  { name: "a time to live without end", code: RANGE, call: (engine) => write(engine, set("a", "", { ttl: Infinity })) },
  { name: "a time to live of text", code: TYPE, call: (engine) => write(engine, set("a", "", { ttl: any("1s") })) },
  {
    name: "a check on a version below 0",
    code: RANGE,
    call: (engine) => engine.commit({ checks: [{ key: "a", version: -1 }] }),
  },
  {
    name: "a check on half a version",
    code: RANGE,
    call: (engine) => engine.commit({ checks: [{ key: "a", version: 1.5 }] }),
  },
  {
    name: "a check on a version of text",
    code: TYPE,
    call: (engine) => engine.commit({ checks: [{ key: "a", version: any("1") }] }),
  },
  { name: "a range with a key and a prefix", code: VALUE, call: (engine) => engine.list({ key: "a", prefix: "a" }) },
  { name: "a prefix with a lone surrogate", code: VALUE, call: (engine) => engine.list({ prefix: "\ud83d" }) },
  { name: "a limit of 0", code: RANGE, call: (engine) => engine.list({ limit: 0 }) },
  { name: "half a limit", code: RANGE, call: (engine) => engine.list({ limit: 1.5 }) },
  { name: "an order that is none", code: VALUE, call: (engine) => engine.list({ order: any("value") }) },
  { name: "a space that is none", code: VALUE, call: (engine) => engine.list({ space: any("user") }) },
  {
    name: "a read in a commit with a limit below 0",
    code: RANGE,
    call: (engine) => engine.commit({ reads: [{ limit: -1 }] }),
  },
  { name: "a watch of a key that is a number", code: TYPE, call: (engine) => engine.watch([{ key: any(1) }]).next() },
  { name: "a watch from no number", code: RANGE, call: (engine) => engine.watch([{}], { from: Number.NaN }) },
  { name: "a watch from half a version", code: RANGE, call: (engine) => engine.watch([{}], { from: 1.5 }) },
  { name: "a watch from below 0", code: RANGE, call: (engine) => engine.watch([{}], { from: -1 }) },
  { name: "a watch from text", code: TYPE, call: (engine) => engine.watch([{}], { from: any("7") }) },
  {
    name: "more operations than a commit takes",
    code: RANGE,
    call: (engine, { limits }) =>
      engine.commit({ mutations: Array.from({ length: limits.commitOperations + 1 }, (_, i) => set(`k${i}`)) }),
  },
  {
    name: "more bytes than a commit takes",
    code: RANGE,
    call: (engine, { limits }) => {
      const value = new Uint8Array(Math.min(limits.valueBytes, limits.commitBytes));
      const count = Math.ceil(limits.commitBytes / value.byteLength) + 1;
      return engine.commit({ mutations: Array.from({ length: count }, (_, i) => set(`k${i}`, value)) });
    },
  },
];

export function badInput(suite: Suite): void {
  suite.test(
    "bad input is a TypeError or RangeError with its code, and changes nothing",
    async ({ engine, capabilities }) => {
      for (const { name, code, call } of CASES)
        await assert.rejects(
          async () => call(engine, capabilities),
          (error: Error & { code?: string }) => {
            assert.equal(error.code, code, `${name}: ${error.stack}`);
            assert.ok(code === RANGE ? error instanceof RangeError : error instanceof TypeError, name);
            return true;
          },
          name,
        );
      assert.deepEqual((await engine.list({})).entries, []);
    },
  );

  suite.test("a time to live beside a session is refused", async ({ engine }) => {
    const session = await engine.openSession();
    await assert.rejects(async () => write(engine, set("a", "", { ttl: 1000, session: session.id })), {
      code: VALUE,
      name: "TypeError",
    });
    await session.close();
  });
}
