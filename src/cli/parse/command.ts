import type { Arguments } from "./arguments.ts";
import type { Option } from "./option.ts";

/** A verb of the command line. Its file in `commands/` exports it as `command` and is loaded only when it is called. */
export interface Command {
  /** One line for the list of verbs. */
  readonly summary: string;
  /** Its arguments, as the help shows them. */
  readonly usage: string;
  /** What else its help says: exit status, formats. */
  readonly details?: string;
  readonly options?: Readonly<Record<string, Option>>;
  /** How many arguments it takes, at least and at most. */
  readonly arity: readonly [least: number, most: number];
  /** Whether a command to run follows `--`: always, or if it is called for. */
  readonly runsCommand?: boolean | "optional";
  /** The exit status. */
  run(call: Arguments): number | Promise<number>;
}

/** Exit statuses. A verb that runs a command passes on that command's. */
export const DONE = 0;
export const NO = 1;
export const USAGE = 2;
export const FAILED = 3;
