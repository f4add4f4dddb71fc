import * as os from "node:os";

/** Who stands in a queue: what people want to know when they look at one. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** The program and its arguments, shortened. */
  readonly command: string;
  /** When it came, in milliseconds since the epoch by its own clock. */
  readonly since: number;
}

/** Characters of the command line that are kept. */
const COMMAND_LENGTH = 200;

let self: Omit<Owner, "since"> | undefined;

/** This process, now. */
export function describeOwner(): Owner {
  self ??= {
    pid: process.pid,
    host: os.hostname(),
    command: process.argv.join(" ").slice(0, COMMAND_LENGTH).toWellFormed(),
  };
  return { ...self, since: Date.now() };
}
