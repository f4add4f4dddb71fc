import type { Entry } from "../../engine/entry.ts";
import { untilState } from "../../store/wait-for.ts";
import { UsageError } from "../parse/arguments.ts";
import { type Command, DONE, NO } from "../parse/command.ts";
import { entryJson } from "../print/entry-json.ts";
import { writeJson } from "../print/output.ts";
import { writeLineOf } from "../print/write-value.ts";
import { openWatchingEngine } from "../run/open-engine.ts";
import { patiently } from "../run/patience.ts";

export const command: Command = {
  summary: "wait until a key exists, or has a value, or is gone",
  usage: "KEY [VALUE]",
  details: `Without VALUE: until the key exists; then its value is printed, as get does. With VALUE: until it is that; nothing is
printed. Status 1 when --timeout is over (default: it waits without end). With --json the entry is printed.`,
  options: { gone: { type: "boolean", help: "wait until there is no such key" } },
  arity: [1, 2],
  async run(call) {
    const [key, value] = call.positionals as [string, string?];
    const gone = call.flag("gone");
    if (gone && value !== undefined)
      throw new UsageError(`--gone waits for no value; got ${JSON.stringify(value)}`, "wait");
    const isIt = (entry: Entry | undefined) =>
      gone ? entry === undefined : entry !== undefined && (value === undefined || entry.value === value);
    const engine = await openWatchingEngine(call.store);
    try {
      const state = await patiently(call, `key ${JSON.stringify(key)}`, (deadline) =>
        untilState(engine, key, deadline, async (entry) => (isIt(entry) ? { state: { entry } } : undefined)),
      );
      if (state === undefined) {
        if (call.json) writeJson(null);
        return NO;
      }
      if (call.json) writeJson(state.entry === undefined ? { key } : entryJson(state.entry));
      else if (state.entry !== undefined && value === undefined) writeLineOf(state.entry);
      return DONE;
    } finally {
      await engine.close();
    }
  },
};
