import * as os from "node:os";
import * as path from "node:path";

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
