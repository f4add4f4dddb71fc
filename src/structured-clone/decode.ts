import { Buffer } from "node:buffer";
import { StoreError } from "../errors.ts";

/** The errors that keep their kind; any other becomes an `Error`. */
export const ERROR_NAMES: ReadonlySet<string> = new Set([
  "Error",
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
]);

const VIEWS: ReadonlySet<string> = new Set([
  "DataView",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
]);

/** The most digits of a bigint: reading and writing one takes a time that grows with their square, and blocks the event loop. */
export const MOST_DIGITS = 10_000;
const BIGINT = new RegExp(`^-?\\d{1,${MOST_DIGITS}}$`);

/** The latest time that a `Date` can hold, in milliseconds since the epoch. */
const LATEST = 8.64e15;
const LONGEST_ARRAY = 2 ** 32 - 1;

const NUMBERS: ReadonlySet<unknown> = new Set(["NaN", "Infinity", "-Infinity", "-0"]);

/** Makes an empty thing for every node first and fills them then, so that cycles close and depth costs no stack. */
export class Decoder {
  readonly #nodes: readonly unknown[];
  readonly #values: unknown[] = [];

  constructor(nodes: readonly unknown[]) {
    this.#nodes = nodes;
  }

  decode(): unknown {
    for (const node of this.#nodes) this.#values.push(make(node));
    for (const [id, node] of this.#nodes.entries())
      if (Array.isArray(node)) this.#fill(this.#values[id], node as [string, ...unknown[]]);
    return this.#values[0];
  }

  #value(slot: unknown): unknown {
    if (typeof slot === "string" || typeof slot === "boolean" || slot === null) return slot;
    if (typeof slot !== "number" || !Number.isInteger(slot) || slot < 0 || slot >= this.#values.length)
      throw malformed("a node names one that is not there");
    return this.#values[slot];
  }

  #fill(value: unknown, [tag, ...parts]: [string, ...unknown[]]): void {
    switch (tag) {
      case "a":
        for (const part of parts) (value as unknown[]).push(this.#value(part));
        break;
      case "A": {
        const length = this.#value(parts[0]);
        if (!Number.isInteger(length) || (length as number) < 0 || (length as number) > LONGEST_ARRAY)
          throw malformed("an array has no length");
        // At this length V8 keeps elements in a table. Otherwise a text of ten characters would take memory for all of them.
        (value as unknown[]).length = LONGEST_ARRAY;
        (value as unknown[]).length = length as number;
        this.#define(value as object, parts.slice(1));
        break;
      }
      case "o":
        this.#define(value as object, parts);
        break;
      case "m":
        if (parts.length % 2 !== 0) throw malformed("a map has a key without a value");
        for (let i = 0; i < parts.length; i += 2)
          (value as Map<unknown, unknown>).set(this.#value(parts[i]), this.#value(parts[i + 1]));
        break;
      case "s":
        for (const part of parts) (value as Set<unknown>).add(this.#value(part));
        break;
      case "d": {
        const time = parts[0] === null ? Number.NaN : this.#value(parts[0]);
        if (typeof time !== "number" || Math.abs(time) > LATEST) throw malformed("a date has no time");
        (value as Date).setTime(time);
        break;
      }
      case "e":
        if (parts.length > 3) hidden(value as object, "cause", this.#value(parts[3]));
        break;
    }
  }

  #define(value: object, parts: unknown[]): void {
    if (parts.length % 2 !== 0) throw malformed("a property has no value");
    for (let i = 0; i < parts.length; i += 2) {
      const key = parts[i];
      if (typeof key !== "string") throw malformed("a property has no name");
      if (Array.isArray(value) && key === "length") throw malformed("an array has two lengths");
      Object.defineProperty(value, key, {
        value: this.#value(parts[i + 1]),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
}

function make(node: unknown): unknown {
  if (typeof node === "number") return node;
  if (!Array.isArray(node)) throw malformed("a node is none");
  const [tag, first, second] = node as unknown[];
  switch (tag) {
    case "u":
      return undefined;
    case "n":
      if (!NUMBERS.has(first)) throw malformed("a number is none");
      return Number(first);
    case "i":
      return bigint(first);
    case "a":
    case "A":
      return [];
    case "o":
      return {};
    case "m":
      return new Map();
    case "s":
      return new Set();
    case "d":
      return new Date(0);
    case "r":
      return makeRegExp(first, second);
    case "B":
      return Uint8Array.from(bytes(first)).buffer;
    case "t":
      return makeView(first, second);
    case "e":
      return makeError(node);
    case "x":
      return new DOMException(text(second), text(first));
    case "b":
      return makeBoxed(first, second);
    default:
      throw malformed("a node has an unknown tag");
  }
}

function makeRegExp(source: unknown, flags: unknown): RegExp {
  try {
    return new RegExp(text(source), text(flags));
  } catch (error) {
    throw malformed("a regular expression is none", error);
  }
}

function makeView(name: unknown, content: unknown): ArrayBufferView {
  if (!VIEWS.has(text(name))) throw malformed("a view is of an unknown kind");
  const Kind = (globalThis as Record<string, unknown>)[text(name)];
  if (typeof Kind !== "function") throw malformed(`this runtime has no ${text(name)}`);
  try {
    return new (Kind as new (buffer: ArrayBuffer) => ArrayBufferView)(Uint8Array.from(bytes(content)).buffer);
  } catch (error) {
    throw malformed("a view does not fit its bytes", error);
  }
}

function makeError([, name, message, stack]: unknown[]): Error {
  if (!ERROR_NAMES.has(text(name))) throw malformed("an error has no kind");
  const Kind = (globalThis as unknown as Record<string, ErrorConstructor>)[text(name)]!;
  const error = message === null ? new Kind() : new Kind(text(message));
  hidden(error, "stack", stack === null ? String(error) : text(stack));
  return error;
}

function makeBoxed(kind: unknown, value: unknown): object {
  switch (kind) {
    case "number":
      return Object(Number(text(value)));
    case "string":
      return Object(text(value));
    case "boolean":
      return Object(value === "true");
    case "bigint":
      return Object(bigint(value));
    default:
      throw malformed("a boxed value is none");
  }
}

function bigint(digits: unknown): bigint {
  if (typeof digits !== "string" || !BIGINT.test(digits))
    throw malformed(`a bigint is none, or has more than ${MOST_DIGITS} digits`);
  return BigInt(digits);
}

function bytes(content: unknown): Buffer {
  return Buffer.from(text(content), "base64");
}

function text(value: unknown): string {
  if (typeof value !== "string") throw malformed("a text is missing");
  return value;
}

function hidden(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
}

export function malformed(reason: string, cause?: unknown): StoreError {
  return new StoreError("ERR_STORE_CODEC", `What was read is no structured data: ${reason}`, { cause });
}
