import type { Entry } from "../../engine/entry.ts";
import { pages } from "../../engine/pages.ts";
import { type Command, DONE } from "../parse/command.ts";
import { entryJson } from "../print/entry-json.ts";
import { jsonLine, oneLine, write } from "../print/output.ts";
import { lineOfValue } from "../print/value-line.ts";
import { assertInitialized, openEngine } from "../run/open-engine.ts";

/** Entries of a page, at most. */
const LONGEST_PAGE = 500;

export const command: Command = {
  summary: "list the keys, or those that begin with a prefix",
  usage: "[PREFIX]",
  details: `One key a line, ordered by their UTF-8 bytes; with --values a tab and the value after it. Control characters, backslashes
and what cannot be seen are shown as escapes (\\n, \\t, \\\\, \\u0000, \\u200b), so that a line stays a line; --json is exact. A long listing is
read in pages: a key that is set or deleted meanwhile may or may not be in it.`,
  options: { values: { type: "boolean", short: "v", help: "print the values too" } },
  arity: [0, 1],
  async run(call) {
    const prefix = call.positionals[0] ?? "";
    const lineOf = (entry: Entry) => {
      if (call.json) return jsonLine(entryJson(entry));
      return call.flag("values") ? `${oneLine(entry.key)}\t${lineOfValue(entry.value)}` : oneLine(entry.key);
    };
    const engine = await openEngine(call.store);
    try {
      let isEmpty = true;
      for await (const page of pages(engine, { prefix }, { longest: LONGEST_PAGE })) {
        isEmpty = false;
        write(page.map((entry) => `${lineOf(entry)}\n`).join(""));
      }
      if (isEmpty) await assertInitialized(engine);
      return DONE;
    } finally {
      await engine.close();
    }
  },
};
