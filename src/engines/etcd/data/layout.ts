import { isUtf8 } from "node:buffer";
import { type Change, deleteChange, type Entry, type Space, setChange, type Value } from "../../../engine/entry.ts";
import { boundsOf, compareKeys, type Range } from "../../../engine/range.ts";
import { DELETED, type KeyValue, type WatchEvent } from "../connect/protocol.ts";
import { expiryOf, sessionOf } from "./lease-id.ts";

/** Before bytes, as opposed to text: no UTF-8 begins with it. */
const BYTES = 0xff;

const ZERO = Buffer.alloc(1);

/** Whose value is the format: an entry beside the values that says what the prefix is used for. */
export const FORMAT = "ipctools 1";

/** An interval of etcd's keys; without an end it is one key. */
export interface Interval {
  readonly key: Buffer;
  readonly range_end?: Buffer;
}

/**
 * Where things are below the prefix: the user's values at `PREFIX/values/KEY`, what coordination keeps at
 * `PREFIX/system/KEY`. Text is stored as it is, bytes after one byte 0xFF.
 */
export class Layout {
  readonly formatKey: Buffer;
  /** An entry that is there once a value was set. */
  readonly initializedKey: Buffer;
  /** All keys of the store. */
  readonly all: Interval;
  readonly #bases: { readonly user: Buffer; readonly system: Buffer };

  constructor(prefix: string) {
    this.formatKey = Buffer.from(`${prefix}/format`);
    this.initializedKey = Buffer.from(`${prefix}/initialized`);
    this.all = { key: Buffer.from(`${prefix}/`), range_end: Buffer.from(`${prefix}0`) };
    this.#bases = { user: Buffer.from(`${prefix}/values/`), system: Buffer.from(`${prefix}/system/`) };
  }

  key(key: string, space: Space | undefined): Buffer {
    return Buffer.concat([this.#bases[space ?? "user"], Buffer.from(key)]);
  }

  /** The interval of a range; `undefined` if it holds no key at all. */
  interval(range: Range): Interval | undefined {
    const { space } = range;
    if (range.key !== undefined) return { key: this.key(range.key, space) };
    const { start, end } = boundsOf(range);
    if (end !== undefined && compareKeys(start, end) >= 0) return undefined;
    return { key: this.key(start, space), range_end: end === undefined ? this.#endOf(space) : this.key(end, space) };
  }

  /** The smallest interval that holds all the ranges; `undefined` if they hold no key at all. */
  hull(ranges: readonly Range[]): Interval | undefined {
    const intervals = ranges.map((range) => this.interval(range)).filter((interval) => interval !== undefined);
    if (intervals.length < 2) return intervals[0];
    const keys = intervals.map(({ key }) => key).sort(Buffer.compare);
    // The next key after a key is the key with a zero byte.
    const ends = intervals.map(({ key, range_end }) => range_end ?? Buffer.concat([key, ZERO])).sort(Buffer.compare);
    return { key: keys[0]!, range_end: ends.at(-1)! };
  }

  entry(kv: KeyValue, space: Space | undefined): Entry {
    const session = sessionOf(kv.lease);
    const expiresAt = expiryOf(kv.lease);
    return {
      key: this.#keyOf(kv, space),
      ...(space && { space }),
      value: decode(kv.value),
      version: Number(kv.mod_revision),
      createdVersion: Number(kv.create_revision),
      ...(session !== undefined && { session }),
      ...(expiresAt !== undefined && { expiresAt }),
    };
  }

  /** `undefined` if the key is in neither space. */
  change(event: WatchEvent): Change | undefined {
    const isOf = (base: Buffer) => base.equals(event.kv.key.subarray(0, base.length));
    const space = isOf(this.#bases.system) ? "system" : undefined;
    if (space === undefined && !isOf(this.#bases.user)) return undefined;
    if (event.type !== DELETED) return setChange(this.entry(event.kv, space));
    const key = this.#keyOf(event.kv, space);
    return deleteChange({ key, ...(space && { space }) }, Number(event.kv.mod_revision));
  }

  #keyOf(kv: KeyValue, space: Space | undefined): string {
    return kv.key.toString("utf8", this.#bases[space ?? "user"].length);
  }

  #endOf(space: Space | undefined): Buffer {
    const end = Buffer.from(this.#bases[space ?? "user"]);
    end[end.length - 1]!++;
    return end;
  }
}

export function encode(value: Value): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  const bytes = Buffer.allocUnsafe(value.byteLength + 1);
  bytes[0] = BYTES;
  bytes.set(value, 1);
  return bytes;
}

/** What another program put there without the byte before it counts as text if it is text. */
function decode(stored: Buffer): Value {
  if (stored[0] === BYTES) return new Uint8Array(stored.subarray(1));
  return isUtf8(stored) ? stored.toString("utf8") : new Uint8Array(stored);
}
