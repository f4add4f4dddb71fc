import * as os from "node:os";
import * as path from "node:path";
import type { Entry } from "../../engine/entry.ts";
import { parseRecord } from "./record.ts";

/** Who stands in a queue: what people want to know when they look at one. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** The program and its arguments, 64 characters of them at the most. */
  readonly command: string;
  /** When it came, in milliseconds since the epoch by its own clock. */
  readonly since: number;
}

/** Characters of the command line that are kept: on a file's small pages what is longer would take a page of its own. */
const COMMAND_LENGTH = 64;

let self: Omit<Owner, "since"> | undefined;

/** This process, now. */
export function describeOwner(): Owner {
  self ??= {
    pid: process.pid,
    host: os.hostname(),
    command: [path.basename(process.argv[0] ?? ""), ...process.argv.slice(1)]
      .join(" ")
      .slice(0, COMMAND_LENGTH)
      .toWellFormed(),
  };
  return { ...self, since: Date.now() };
}

/** The latest time that a `Date` can hold, in milliseconds since the epoch. */
const LATEST = 8.64e15;

/** Reads what an entry says about its owner, and what else stands there. Throws `ERR_STORE_CODEC` if it names none. */
export function readOwner<T extends Owner>(entry: Pick<Entry, "key" | "value">): T {
  return parseRecord<T>(
    entry,
    ({ pid, host, command, since }) =>
      Number.isSafeInteger(pid) &&
      typeof host === "string" &&
      typeof command === "string" &&
      typeof since === "number" &&
      Math.abs(since) <= LATEST,
  );
}
