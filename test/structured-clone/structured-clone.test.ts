import * as assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../../src/structured-clone/encode.ts";

const cyclic: Record<string, unknown> = { name: "cycle", list: [1] };
cyclic.self = cyclic;
(cyclic.list as unknown[]).push(cyclic);
const shared = { x: 1 };
const sparse: unknown[] = [1];
sparse[2] = undefined;
const withProperty = Object.assign([1, 2], { note: "extra" });

class Point {
  x = 1;
  y = new Date(5);
  get length() {
    return 2;
  }
}

const values: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  true: true,
  "a number": 1.5,
  "minus zero": -0,
  NaN: Number.NaN,
  infinities: [Infinity, -Infinity],
  "a string": "a\0b\n💥~",
  "a lone surrogate": "\ud800",
  "a string that looks like the table": '~[["u"]]',
  "a bigint": -(2n ** 80n),
  "a plain object": { a: [1, "2", { b: null }], "": false },
  "an object with undefined": { a: undefined, b: 1 },
  "the key __proto__": JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}'),
  "the key __proto__ beside other kinds": Object.assign(JSON.parse('{"__proto__": {"polluted": true}}'), { d: 1n }),
  "a cycle": cyclic,
  "an object twice": [shared, shared],
  "a sparse array": sparse,
  "an array with a property": withProperty,
  "an empty array": [],
  "a hole as the last": new Array(3),
  "a date": new Date(1e12),
  "an invalid date": new Date(Number.NaN),
  "a regular expression": /a(b)\/c/giu,
  "a map": new Map<unknown, unknown>([
    ["a", 1],
    [{ key: 1 }, new Map([[Number.NaN, -0]])],
  ]),
  "a set": new Set([1, "1", 1n, undefined]),
  bytes: new Uint8Array([0, 1, 255]),
  "floats and bigints": [new Float64Array([1.5, Number.NaN, -0]), new BigInt64Array([-5n]), new Uint16Array(0)],
  "an array buffer": new Uint8Array([1, 2, 3]).buffer,
  "a view in the middle": new Uint8Array([9, 1, 2, 9]).subarray(1, 3),
  "a data view": new DataView(new Uint8Array([1, 2]).buffer),
  "boxed values": [Object(1), Object("s"), Object(true), Object(false), Object(5n), Object(-0)],
  "an error": new TypeError("no"),
  "a class instance": new Point(),
  "an error of a class": Object.assign(new (class extends Error {})("own"), { name: "OwnError" }),
};

for (const [name, value] of Object.entries(values))
  test(`${name} comes back as structuredClone gives it`, () => {
    const text = encode(value);
    assert.ok(text.isWellFormed());
    const copy = decode(text);
    const expected = structuredClone(value);
    // Node 22 takes an invalid date to be unlike any other.
    if (expected instanceof Date) assert.equal((copy as Date).getTime(), expected.getTime());
    else assert.deepStrictEqual(copy, expected);
    // Where both are data, the shapes agree to the last property.
    assert.deepStrictEqual(Object.prototype.toString.call(copy), Object.prototype.toString.call(expected));
    assert.deepStrictEqual(encode(copy), encode(expected));
  });

test("an error keeps kind, message, stack and cause", () => {
  const error = new TypeError("no", { cause: [1n] });
  const copy = decode(encode(error)) as TypeError;
  assert.ok(copy instanceof TypeError);
  assert.deepEqual([copy.message, copy.stack, copy.cause], [error.message, error.stack, [1n]]);
  const nested = decode(encode(new Error("no", { cause: new RangeError("why") }))) as Error;
  assert.ok(nested.cause instanceof RangeError && nested.cause.message === "why");
  assert.deepEqual(Object.keys(copy), []);
});

test("identity is kept, and cycles close", () => {
  const [a, b] = decode(encode([shared, shared])) as [object, object];
  assert.equal(a, b);
  const copy = decode(encode(cyclic)) as typeof cyclic;
  assert.equal(copy.self, copy);
  assert.equal((copy.list as unknown[])[1], copy);
});

test("values that JSON can carry are plain JSON", () => {
  assert.equal(encode({ a: [1, "x", null] }), '{"a":[1,"x",null]}');
  assert.equal(encode("~"), '"~"');
});

test("a Buffer carries its own bytes and not the pool that it lies in", () => {
  const text = encode(Buffer.from("secret").subarray(0, 2));
  assert.ok(text.length < 50, text);
  assert.deepEqual(decode(text), new Uint8Array([0x73, 0x65]));
});

test("depth costs no stack", () => {
  let deep: { next?: object } = {};
  for (let i = 0; i < 100_000; i++) deep = { next: deep };
  let copy = decode(encode(deep)) as { next?: object };
  let depth = 0;
  for (; copy.next; copy = copy.next) depth++;
  assert.equal(depth, 100_000);
});

test("what is no data is refused, as by structuredClone", () => {
  const refused = [
    () => {},
    Symbol("s"),
    { f() {} },
    [Symbol.iterator],
    Promise.resolve(),
    new WeakMap(),
    new WeakSet(),
    new WeakRef({}),
    new Proxy({}, {}),
    new SharedArrayBuffer(1),
    new Blob(["x"]),
    Object(Symbol("s")),
    new Map([[1, () => {}]]),
    { toJSON: () => 1 },
  ];
  for (const value of refused) assert.throws(() => encode(value), { name: "DataCloneError" }, String(typeof value));
});

test("a getter is asked, and what toJSON would say is not", () => {
  const value = {
    get a() {
      return 1n;
    },
  };
  assert.deepEqual(decode(encode(value)), { a: 1n });
  assert.deepEqual(decode(encode(new Date(0))), new Date(0));
});

test("malformed text is an error of its own and never runs or makes anything else", () => {
  const malformed: unknown[] = [
    undefined,
    new Uint8Array(2),
    "",
    "{",
    "~",
    "~{}",
    "~[]",
    '~["a"]',
    '~[["?"]]',
    '~[["a",1]]',
    '~[["a",-1]]',
    '~[["a",0.5]]',
    '~[["a",{}]]',
    '~[["i","1n"]]',
    '~[["i",1]]',
    '~[["n","1"]]',
    '~[["r","(",""]]',
    '~[["r","a","zz"]]',
    '~[["r",1]]',
    '~[["t","Function","AA=="]]',
    '~[["t","Uint32Array","AA=="]]',
    '~[["t","process","AA=="]]',
    '~[["e","Function","x",null]]',
    '~[["e","StoreError","x",null]]',
    '~[["e","Error",1,null]]',
    '~[["m",true]]',
    '~[["o","a"]]',
    '~[["o",1,2]]',
    '~[["A",-1]]',
    '~[["A",true]]',
    '~[["A",1,"length",1],5]',
    '~[["d","x"]]',
    '~[["b","symbol","x"]]',
    '~[["b","bigint","x"]]',
    `~[["i","${"9".repeat(10_001)}"]]`,
    `~[["i","-${"9".repeat(10_001)}"]]`,
    `~[["b","bigint","${"9".repeat(4_000_000)}"]]`,
    '~[["d",1],1e300]',
    '~[["d",1],1e999]',
    '~[["d",1],8640000000000001]',
    '~[["A",1],4294967296]',
    '~[["A",1],1.5]',
    `~[["r","${"(".repeat(100_000)}${")".repeat(100_000)}",""]]`,
    `~${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`,
    `~[${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}]`,
    `~[["a",${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}]]`,
    `~[["t",${"[".repeat(1_000_000)}${"]".repeat(1_000_000)},""]]`,
    "~[null]",
  ];
  for (const text of malformed)
    assert.throws(() => decode(text), { code: "ERR_STORE_CODEC" }, String(text).slice(0, 60));
});

test("a bigint has 10,000 digits at most, and a larger one blocks nobody", () => {
  const largest = 10n ** 10_000n - 1n;
  for (const value of [largest, -largest, Object(largest)]) assert.deepEqual(decode(encode([value])), [value]);
  const huge = 1n << 40_000_000n;
  const begun = performance.now();
  for (const value of [largest + 1n, -largest - 1n, huge, -huge, Object(huge)])
    assert.throws(() => encode([value]), { name: "DataCloneError", message: /10000 digits/ });
  assert.throws(() => decode(`~[["i","${"9".repeat(4_000_000)}"]]`), { code: "ERR_STORE_CODEC" });
  const took = performance.now() - begun;
  assert.ok(took < 1000, `${took} ms`);
});

test("an array's length takes no memory of its own", () => {
  const before = process.memoryUsage().rss;
  const copies = Array.from({ length: 20 }, () => decode('~[["A",1,"5",true],30000000]') as unknown[]);
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.deepEqual([copies[0]!.length, Object.keys(copies[0]!)], [30_000_000, ["5"]]);
  assert.ok(grown < 200, `${grown} MiB`);
});

test("a buffer that was transferred is refused, as by structuredClone", () => {
  const buffer = new ArrayBuffer(8);
  const views = [buffer, new Uint8Array(buffer), new DataView(buffer)];
  structuredClone(buffer, { transfer: [buffer] });
  for (const value of views) assert.throws(() => encode(value), { name: "DataCloneError" });
});
