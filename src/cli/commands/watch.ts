import type { Engine } from "../../engine/contract.ts";
import type { Change } from "../../engine/entry.ts";
import type { Range } from "../../engine/range.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { type Arguments, UsageError } from "../parse/arguments.ts";
import { type Command, DONE, NO } from "../parse/command.ts";
import { entryJson } from "../print/entry-json.ts";
import { jsonLine, write } from "../print/output.ts";
import { lineOfChange } from "../print/value-line.ts";
import { openWatchingEngine } from "../run/open-engine.ts";
import { patiently } from "../run/patience.ts";

export const command: Command = {
  summary: "print what changes, as it happens",
  usage: "KEY | --prefix PREFIX",
  details: `A line for each change, with tabs between: set, the key, the value; or delete, the key. Control characters,
backslashes and what cannot be seen are shown as escapes; --json is exact and has the version. Of changes that follow each other quickly the
latest may stand for all; the latest state always comes.
With --from nothing is missed since a version that was seen before; if what came after it is no longer held, it ends with
status 3 and ERR_STORE_HISTORY_LOST. Status 1 when --timeout is over.`,
  options: {
    prefix: {
      type: "string",
      short: "p",
      value: "PREFIX",
      help: "watch the keys that begin with this (all: --prefix '')",
    },
    from: { type: "string", value: "VERSION", help: "begin after this version instead of now" },
    current: { type: "boolean", help: "print what there is first" },
    count: { type: "string", value: "N", help: "end with status 0 after so many lines" },
  },
  arity: [0, 1],
  async run(call) {
    const range = rangeOf(call);
    const from = call.integer("from", 0, Number.MAX_SAFE_INTEGER);
    if (from !== undefined && call.flag("current"))
      throw new UsageError(
        "--from and --current exclude each other: begin after a version, or with what there is",
        "watch",
      );
    const count = call.integer("count", 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY;
    const engine = await openWatchingEngine(call.store);
    try {
      const printer = new Printer(call.json, count);
      const isDone = await patiently(call, "changes", (deadline) =>
        follow(engine, range, deadline, { from, current: call.flag("current") }, printer),
      );
      return isDone ? DONE : NO;
    } finally {
      await engine.close();
    }
  },
};

function rangeOf(call: Arguments): Range {
  const prefix = call.option("prefix");
  const key = call.positionals[0];
  if (prefix !== undefined && key !== undefined)
    throw new UsageError(`watch takes a key or --prefix, not both; got ${JSON.stringify(key)} too`, "watch");
  if (prefix !== undefined) return { prefix };
  if (key === undefined) throw new UsageError("watch needs KEY or --prefix PREFIX", "watch");
  return { key };
}

async function follow(
  engine: Engine,
  range: Range,
  deadline: Deadline,
  { from, current }: { from: number | undefined; current: boolean },
  printer: Printer,
): Promise<true> {
  let since = from;
  if (current) {
    const { entries, version } = await deadline.within(engine.list(range));
    since = version;
    if (printer.print(entries.map((entry) => ({ type: "set", entry, key: entry.key, version: entry.version }))))
      return true;
  }
  const { signal } = deadline;
  const changes = engine.watch([range], { ...(since === undefined ? undefined : { from: since }), signal });
  for await (const batch of changes) if (printer.print(batch)) return true;
  deadline.throwIfOver();
  return true;
}

class Printer {
  readonly #json: boolean;
  #left: number;

  constructor(json: boolean, count: number) {
    this.#json = json;
    this.#left = count;
  }

  /** Prints them, and tells whether that was all that shall be printed. */
  print(changes: readonly Change[]): boolean {
    const printed = changes.slice(0, Math.min(this.#left, changes.length));
    this.#left -= printed.length;
    write(printed.map((change) => `${this.#json ? jsonOf(change) : lineOfChange(change)}\n`).join(""));
    return this.#left === 0;
  }
}

function jsonOf(change: Change): string {
  const { type, key, version } = change;
  return jsonLine(type === "set" ? { type, ...entryJson(change.entry) } : { type, key, version });
}
