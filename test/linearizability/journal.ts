import * as fs from "node:fs";
import type { Action, Operation, Result } from "./history/register.ts";

/*
 * What one process did, a line before each operation and a line after it, so that a process that is killed leaves the
 * call of its last operation behind. Times are nanoseconds of the machine's monotonic clock, which all processes share.
 */

type Line =
  | { readonly call: number; readonly key: string; readonly action: Action }
  | { readonly return: number; readonly outcome: Outcome };

/** What the caller learnt: a result, that it cannot know, or that nothing was done. */
export type Outcome = Result | "unknown" | "failed";

/** Nanoseconds since `base`, a `process.hrtime.bigint()` of any process of this machine. */
export function timeSince(base: bigint): number {
  return Number(process.hrtime.bigint() - base);
}

export class Journal {
  readonly #file: number;
  readonly #base: bigint;

  constructor(path: string, base: bigint) {
    this.#file = fs.openSync(path, "ax");
    this.#base = base;
  }

  /** Runs an operation between its two lines. */
  async record(key: string, action: Action, run: () => Promise<Outcome> | Outcome): Promise<Outcome> {
    this.#write({ call: timeSince(this.#base), key, action });
    const outcome = await run();
    this.#write({ return: timeSince(this.#base), outcome });
    return outcome;
  }

  close(): void {
    fs.closeSync(this.#file);
  }

  #write(line: Line): void {
    fs.writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/**
 * The operations of a journal. `over` is the time after which nothing that the process began can take effect any more:
 * when it was seen dead, or `Infinity` where a request may still be on its way to a server.
 */
export function readJournal(path: string, process: number, over: number): Operation[] {
  const lines = fs.readFileSync(path, "utf8").split("\n");
  // What follows the last newline is nothing, or was torn by a kill: a call that never began, or a return that nobody saw.
  lines.pop();
  const operations: Operation[] = [];
  let called: Extract<Line, { call: number }> | undefined;
  const push = (end: number, outcome: Result | "unknown") => {
    const { call, key, action } = called!;
    const unknown = outcome === "unknown";
    operations.push({ process, key, call, return: end, unknown, action, result: unknown ? {} : outcome });
  };
  for (const text of lines) {
    const line = JSON.parse(text) as Line;
    if ("call" in line) {
      called = line;
      continue;
    }
    if (line.outcome !== "failed") push(line.outcome === "unknown" ? over : line.return, line.outcome);
    called = undefined;
  }
  if (called) push(over, "unknown");
  return operations;
}
