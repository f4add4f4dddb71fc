import { type Command, DONE, NO } from "../parse/command.ts";
import { entryJson } from "../print/entry-json.ts";
import { write, writeJson } from "../print/output.ts";
import { writeLineOf } from "../print/write-value.ts";
import { assertInitialized, openEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "print the value of a key",
  usage: "KEY",
  details: `Prints the value and a newline; with --raw the value alone, every byte of it; with --json the entry with its
version. Exit status 1, and no output (--json: null), if there is no such key.`,
  options: { raw: { type: "boolean", short: "r", help: "print no newline after the value" } },
  arity: [1, 1],
  async run(call) {
    const key = call.positionals[0]!;
    const engine = await openEngine(call.store);
    try {
      const entry = await engine.get(key);
      if (entry === undefined) {
        await assertInitialized(engine);
        if (call.json) writeJson(null);
        return NO;
      }
      if (call.json) writeJson(entryJson(entry));
      else if (call.flag("raw")) write(entry.value);
      else writeLineOf(entry);
      return DONE;
    } finally {
      await engine.close();
    }
  },
};
