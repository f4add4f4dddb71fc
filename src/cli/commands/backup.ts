import { resolve } from "node:path";
import { backupUnsupportedError } from "../../engine/standard-errors.ts";
import { type Command, DONE } from "../parse/command.ts";
import { writeJson, writeLine } from "../print/output.ts";
import { openEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "write a copy of the store file, while programs go on using it",
  usage: "FILE",
  details: `FILE must not exist. It gets the store as it is at one moment, without what belongs to programs that run now (ephemeral
entries, held locks), and is a store itself. For a server use copy.`,
  arity: [1, 1],
  async run(call) {
    const file = resolve(call.positionals[0]!);
    const engine = await openEngine(call.store);
    try {
      if (engine.backup === undefined) throw backupUnsupportedError(engine.name);
      await engine.backup(file);
      if (call.json) writeJson({ ok: true, file });
      else writeLine(file);
      return DONE;
    } finally {
      await engine.close();
    }
  },
};
