import type { Engine } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { UsageError } from "../parse/arguments.ts";
import { type Command, DONE, NO } from "../parse/command.ts";
import { entryJson } from "../print/entry-json.ts";
import { writeJson } from "../print/output.ts";
import { writeLineOf } from "../print/write-value.ts";
import { interruptible } from "../run/interruption.ts";
import { openWatchingEngine } from "../run/open-engine.ts";
import { within } from "../run/patience.ts";

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
      const state = await interruptible((signal) =>
        within(call.timeout, signal, (signal) => untilState(engine, key, isIt, signal)),
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

/** Waits until what is under the key is as wished, and gives it. */
async function untilState(
  engine: Engine,
  key: string,
  isIt: (entry: Entry | undefined) => boolean,
  signal: AbortSignal,
): Promise<{ entry: Entry | undefined }> {
  for (;;) {
    signal.throwIfAborted();
    const { entries, version } = await engine.list({ key });
    if (isIt(entries[0])) return { entry: entries[0] };
    try {
      for await (const changes of engine.watch([{ key }], { from: version, signal })) {
        for (const change of changes) {
          const entry = change.type === "set" ? change.entry : undefined;
          if (isIt(entry)) return { entry };
        }
      }
    } catch (error) {
      // Too much has happened since: look again.
      if ((error as { code?: unknown }).code !== "ERR_STORE_HISTORY_LOST") throw error;
    }
  }
}
