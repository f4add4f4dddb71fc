import type { Check, Commit, Mutation } from "../../../engine/contract.ts";
import { type Change, deleteChange, type Entry, type Space, setChange } from "../../../engine/entry.ts";
import { boundsOf, type Range, type RangeRead } from "../../../engine/range.ts";

/* How commits, entries and changes look on the wire: the counterpart of the Lua files. */

export type Argument = string | Buffer;
/** A reply of the server; texts come as bytes. */
export type Reply = number | null | Buffer | Reply[];

/** `user` and `system`: the two spaces as the keys and scripts name them. */
export function spaceName(space: Space | undefined): "user" | "system" {
  return space ?? "user";
}

/** The arguments of the commit script, after its key; `head` is what it has in common with the other one. */
export function commitArguments(head: readonly string[], commit: Commit): Argument[] {
  const { checks = [], mutations = [], reads = [] } = commit;
  const args: Argument[] = [...head, `${checks.length}`, `${mutations.length}`, `${reads.length}`];
  for (const check of checks) pushCheck(args, check);
  for (const mutation of mutations) pushMutation(args, mutation);
  for (const read of reads) pushRead(args, read);
  return args;
}

function pushCheck(args: Argument[], check: Check): void {
  if (!("empty" in check)) {
    args.push("version", spaceName(check.space), check.key, `${check.version}`);
  } else if (check.empty.key !== undefined) {
    args.push("version", spaceName(check.empty.space), check.empty.key, "0");
  } else {
    args.push("empty", spaceName(check.empty.space), ...lexBounds(check.empty));
  }
}

function pushMutation(args: Argument[], mutation: Mutation): void {
  const space = spaceName(mutation.space);
  if (mutation.type === "delete") {
    args.push("delete", space, mutation.key);
    return;
  }
  const { key, value, session = "", ttl } = mutation;
  const lasts = ttl === undefined ? "" : `${Math.ceil(ttl)}`;
  // Bytes are copied: the caller may change them before they are sent.
  if (typeof value === "string") args.push("set", space, key, "text", session, lasts, value);
  else args.push("set", space, key, "bytes", session, lasts, Buffer.from(value));
}

function pushRead(args: Argument[], read: RangeRead): void {
  const space = spaceName(read.space);
  const { order = "key", reverse = false, limit = -1 } = read;
  if (read.key !== undefined) args.push("key", space, read.key, "");
  else args.push("range", space, ...lexBounds(read));
  args.push(order, reverse ? "1" : "0", `${limit}`);
}

function lexBounds(range: Range): [string, string] {
  const { start, end } = boundsOf(range);
  return [start === "" ? "-" : `[${start}`, end === undefined ? "+" : `(${end}`];
}

/** The first element of the commit script's reply where a session has ended, whose id follows. Otherwise it is 1 or 0. */
export const SESSION_ENDED = -1;

/** What an entry's hash holds, in the order in which the script reads it. */
const ENTRY_FIELDS = ["value", "version", "created", "type", "session", "expires"];

/** The command that reads one entry, for `readEntry`. */
export function entryCommand(base: string, key: string, space: Space | undefined): Argument[] {
  return ["HMGET", `${base}${spaceName(space)}:${key}`, ...ENTRY_FIELDS];
}

/** An entry from its fields; `undefined` if there is none. */
export function readEntry(key: string, space: Space | undefined, fields: readonly Reply[]): Entry | undefined {
  const [value, version, created, type, session, expires] = fields as (Buffer | null)[];
  if (!value || !version) return undefined;
  return {
    key,
    ...(space && { space }),
    value: type ? plain(value) : value.toString(),
    version: Number(version),
    createdVersion: Number(created),
    ...(session && { session: session.toString() }),
    ...(expires && { expiresAt: Number(expires) }),
  };
}

/** The entries of one read: keys and fields in turn. */
export function readEntries(space: Space | undefined, reply: readonly Reply[]): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < reply.length; i += 2) {
    const entry = readEntry((reply[i] as Buffer).toString(), space, reply[i + 1] as Reply[]);
    if (entry) entries.push(entry);
  }
  return entries;
}

/** A change as it stands in the log. */
export type LoggedChange = Change | Unfetched;

/** A set whose value was too large for the log. */
interface Unfetched {
  readonly type: "unfetched";
  readonly key: string;
  readonly space?: Space;
  readonly version: number;
}

export interface LogRecord {
  readonly version: number;
  /** The version before it. */
  readonly previous: number;
  /** The server's clock, in milliseconds since the epoch. */
  readonly time: number;
  readonly changes: readonly LoggedChange[];
}

/** The records of a stream's entries, `[id, [field, value]]` each. */
export function readRecords(entries: readonly Reply[]): LogRecord[] {
  return entries.map((entry) => {
    const [id, fields] = entry as [Buffer, Reply[]];
    return readRecord(Number(id.toString().split("-")[0]), fields[1] as Buffer);
  });
}

/** What was published of a commit: its record, or without it if that is long. */
export function readMessage(text: Buffer): { version: number; record: LogRecord | undefined } {
  const end = text.indexOf(0x0a);
  const version = Number(text.toString("latin1", 0, end));
  const isWhole = text.length > end + 1;
  return { version, record: isWhole ? readRecord(version, text.subarray(end + 1)) : undefined };
}

function readRecord(version: number, record: Buffer): LogRecord {
  const reader = new Reader(record);
  const [previous, count, time] = reader.line().map(Number) as [number, number, number];
  const changes: LoggedChange[] = [];
  for (let i = 0; i < count; i++) changes.push(readChange(reader, version));
  return { version, previous, time, changes };
}

function readChange(reader: Reader, version: number): LoggedChange {
  const words = reader.line();
  const space = words[1] === "system" ? ({ space: "system" } as const) : {};
  const key = reader.bytes(Number(words[2])).toString();
  if (words[0] === "delete") return deleteChange({ key, ...space }, version);
  const [, , , length, type, created, sessionLength, expires] = words;
  if (length === "-1") {
    reader.bytes(Number(sessionLength));
    return { type: "unfetched", key, ...space, version };
  }
  const value = reader.bytes(Number(length));
  const session = reader.bytes(Number(sessionLength)).toString();
  const entry: Entry = {
    key,
    ...space,
    value: type === "bytes" ? plain(value) : value.toString(),
    version,
    createdVersion: Number(created),
    ...(session && { session }),
    ...(expires !== "0" && { expiresAt: Number(expires) }),
  };
  return setChange(entry);
}

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  line(): string[] {
    const end = this.#buffer.indexOf(0x0a, this.#at);
    const words = this.#buffer.toString("latin1", this.#at, end).split(" ");
    this.#at = end + 1;
    return words;
  }

  bytes(length: number): Buffer {
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }
}

/** Bytes of their own, not a view of what came over the wire. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}
