import { Buffer } from "node:buffer";
import { types } from "node:util";
import { Decoder, ERROR_NAMES, MOST_DIGITS, malformed } from "./decode.ts";

/*
 * Structured data as text. What the structured clone algorithm (HTML, "Safe passing of structured data") copies comes
 * back as it was: cycles and shared objects, Map, Set, Date, RegExp, BigInt, undefined, -0, NaN, sparse arrays, bytes, typed
 * arrays, errors. Only data come back, never code and never a class of the sender's; what cannot be copied is a
 * `DataCloneError`. (V8's own serialization is no choice: Bun's differs from Node's.)
 *
 * A value that JSON can carry is plain JSON. Any other is `~` and a JSON array of nodes, the root first. A node is a number
 * (itself) or an array that begins with a tag. Where a node names a value, a number is the index of another node, and a
 * string, a boolean or null is the value itself.
 *
 * One difference from the algorithm: a view (a typed array, a Buffer) carries its own bytes alone, not the whole of
 * the buffer that it looks into; views of one buffer come back with a buffer each.
 */

type Slot = number | string | boolean | null;
type Node = number | [tag: string, ...parts: Slot[]];

/** Objects of the platform that JavaScript cannot tell from plain ones, and that are no data. */
const PLATFORM_OBJECTS: ReadonlySet<string> = new Set(
  [
    "Blob",
    "File",
    "CryptoKey",
    "MessagePort",
    "ReadableStream",
    "WritableStream",
    "TransformStream",
    "WeakRef",
    "Generator",
    "AsyncGenerator",
  ].map((name) => `[object ${name}]`),
);

/** Deeper ones go by the table of nodes, which needs no recursion. */
const DEEPEST_JSON = 100;

/** Throws a `DataCloneError` for what is no data: functions, symbols, promises, proxies, weak collections … */
export function encode(value: unknown): string {
  return isJson(value, new Set(), 0) ? JSON.stringify(value) : `~${JSON.stringify(new Encoder().encode(value))}`;
}

/** Throws `ERR_STORE_CODEC` for a text that `encode` does not make. */
export function decode(text: unknown): unknown {
  if (typeof text !== "string") throw malformed("it is no text");
  let json: unknown;
  try {
    json = JSON.parse(text.startsWith("~") ? text.slice(1) : text);
  } catch (error) {
    throw malformed("it is no JSON", error);
  }
  if (!text.startsWith("~")) return json;
  if (!Array.isArray(json) || json.length === 0) throw malformed("it has no nodes");
  return new Decoder(json).decode();
}

/** Whether JSON gives back the same: a tree of plain objects, dense arrays, strings, booleans, null and usual numbers. */
function isJson(value: unknown, seen: Set<object>, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (types.isProxy(value) || seen.has(value) || depth === DEEPEST_JSON) return false;
  seen.add(value);
  if (Array.isArray(value)) {
    return isDense(value) && value.every((element) => isJson(element, seen, depth + 1));
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key of Object.keys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key)!;
    // A getter might answer differently the next time; `toJSON` would be called.
    if (!("value" in property) || key === "toJSON" || !isJson(property.value, seen, depth + 1)) return false;
  }
  return true;
}

/** Whether it has all its elements and nothing besides. */
function isDense(array: unknown[]): boolean {
  const keys = Object.keys(array);
  return keys.length === array.length && keys.every((key, index) => key === String(index));
}

class Encoder {
  readonly #nodes: Node[] = [];
  readonly #ids = new Map<object, number>();
  readonly #work: [object, number][] = [];

  encode(value: unknown): Node[] {
    const root = this.#slot(value);
    if (typeof root !== "number") throw new TypeError("a root that JSON can carry has no nodes");
    for (let next = this.#work.pop(); next; next = this.#work.pop()) this.#nodes[next[1]] = this.#node(next[0]);
    return this.#nodes;
  }

  #slot(value: unknown): Slot {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        return this.#add(Number.isFinite(value) && !Object.is(value, -0) ? value : ["n", numberName(value)]);
      case "bigint":
        return this.#add(["i", digitsOf(value)]);
      case "undefined":
        return this.#add(["u"]);
      case "object":
        break;
      default:
        throw notCloneable(value);
    }
    if (value === null) return null;
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    const id = this.#add(["u"]);
    this.#ids.set(value, id);
    this.#work.push([value, id]);
    return id;
  }

  #add(node: Node): number {
    return this.#nodes.push(node) - 1;
  }

  #node(value: object): Node {
    if (types.isProxy(value)) throw notCloneable(value);
    if (Array.isArray(value)) return this.#array(value);
    if (types.isDate(value)) {
      const time = value.getTime();
      return ["d", Number.isNaN(time) ? null : this.#slot(time)];
    }
    if (types.isRegExp(value)) return ["r", value.source, value.flags];
    if (types.isMap(value))
      return ["m", ...[...value].flatMap(([key, element]) => [this.#slot(key), this.#slot(element)])];
    if (types.isSet(value)) return ["s", ...[...value].map((element) => this.#slot(element))];
    if (types.isBoxedPrimitive(value)) return boxed(value.valueOf());
    if (types.isArrayBuffer(value)) return ["B", base64(value)];
    if (ArrayBuffer.isView(value)) {
      const name = types.isTypedArray(value) ? value[Symbol.toStringTag] : "DataView";
      return ["t", name, base64(value)];
    }
    if (types.isNativeError(value)) return this.#error(value);
    if (value instanceof DOMException) return ["x", value.name, value.message];
    if (
      types.isPromise(value) ||
      types.isWeakMap(value) ||
      types.isWeakSet(value) ||
      types.isSharedArrayBuffer(value) ||
      types.isExternal?.(value) || // Deno has none.
      PLATFORM_OBJECTS.has(Object.prototype.toString.call(value))
    )
      throw notCloneable(value);
    return ["o", ...this.#properties(value)];
  }

  #array(value: unknown[]): Node {
    if (isDense(value)) return ["a", ...value.map((element) => this.#slot(element))];
    return ["A", this.#slot(value.length), ...this.#properties(value)];
  }

  #properties(value: object): Slot[] {
    return Object.keys(value).flatMap((key) => [key, this.#slot((value as Record<string, unknown>)[key])]);
  }

  #error(error: Error): Node {
    const own = (name: string) => Object.getOwnPropertyDescriptor(error, name);
    const message = own("message");
    const name = String(error.name);
    const node: Node = [
      "e",
      ERROR_NAMES.has(name) ? name : "Error",
      message && "value" in message ? String(message.value) : null,
      typeof error.stack === "string" ? error.stack : null,
    ];
    const cause = own("cause");
    if (cause && "value" in cause) node.push(this.#slot(cause.value));
    return node;
  }
}

function boxed(value: unknown): Node {
  switch (typeof value) {
    case "number":
      return ["b", "number", numberName(value)];
    case "string":
    case "boolean":
      return ["b", typeof value, String(value)];
    case "bigint":
      return ["b", "bigint", digitsOf(value)];
    default:
      throw notCloneable(value);
  }
}

function digitsOf(value: bigint): string {
  // In base 16 a bigint takes a time that grows with its length alone.
  if (value.toString(16).length <= MOST_DIGITS) {
    const digits = String(value);
    if (digits.length <= MOST_DIGITS + Number(value < 0n)) return digits;
  }
  throw new DOMException(
    `A bigint of more than ${MOST_DIGITS} digits could not be cloned: send it as text`,
    "DataCloneError",
  );
}

function base64(value: ArrayBuffer | ArrayBufferView): string {
  try {
    const buffer = ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : Buffer.from(value);
    return buffer.toString("base64");
  } catch {
    // Its buffer was transferred elsewhere, or has become too short for the view.
    throw notCloneable(value);
  }
}

function numberName(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function notCloneable(value: unknown): DOMException {
  const what = typeof value === "object" ? Object.prototype.toString.call(value) : `a ${typeof value}`;
  return new DOMException(`${what} could not be cloned: only data can be sent to another process`, "DataCloneError");
}
