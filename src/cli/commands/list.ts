import type { Command } from "../parse/command.ts";
import { DONE } from "../parse/command.ts";
import { entryJson } from "../print/entry-json.ts";
import { oneLine, write } from "../print/output.ts";
import { lineOfValue } from "../print/value-line.ts";
import { assertInitialized, openEngine } from "../run/open-engine.ts";

/** Entries read at once: the memory that a long listing takes does not grow with it. */
const PAGE = 500;

export const command: Command = {
  summary: "list the keys, or those that begin with a prefix",
  usage: "[PREFIX]",
  details: `One key a line, ordered by their UTF-8 bytes; with --values a tab and the value after it. Control characters and
backslashes are shown as escapes (\\n, \\t, \\\\, \\u0000), so that a line stays a line; --json is exact. A listing of more
than ${PAGE} keys is read in pages: a key that is set or deleted meanwhile may or may not be in it.`,
  options: { values: { type: "boolean", short: "v", help: "print the values too" } },
  arity: [0, 1],
  async run(call) {
    const prefix = call.positionals[0] ?? "";
    const engine = await openEngine(call.store);
    try {
      let start: string | undefined;
      for (;;) {
        const { entries } = await engine.list({
          prefix,
          limit: PAGE,
          ...(start === undefined ? undefined : { start }),
        });
        let lines = "";
        for (const entry of entries) {
          if (call.json) lines += JSON.stringify(entryJson(entry));
          else {
            lines += oneLine(entry.key);
            if (call.flag("values")) lines += `\t${lineOfValue(entry.value)}`;
          }
          lines += "\n";
        }
        write(lines);
        if (start === undefined && entries.length === 0) await assertInitialized(engine);
        if (entries.length < PAGE) return DONE;
        start = `${entries.at(-1)!.key}\0`;
      }
    } finally {
      await engine.close();
    }
  },
};
