import { type Command, DONE, NO } from "../parse/command.ts";
import { writeJson } from "../print/output.ts";
import { assertInitialized, openEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "delete a key",
  usage: "KEY",
  details: "Exit status 1 if there is no such key.",
  arity: [1, 1],
  async run(call) {
    const key = call.positionals[0]!;
    const engine = await openEngine(call.store);
    try {
      for (;;) {
        const entry = await engine.get(key);
        if (entry === undefined) {
          await assertInitialized(engine);
          if (call.json) writeJson({ ok: false, key });
          return NO;
        }
        const checks = [{ key, version: entry.version }];
        const { ok, version } = await engine.commit({ checks, mutations: [{ type: "delete", key }] }, call.wait);
        if (!ok) continue;
        if (call.json) writeJson({ ok: true, key, version });
        return DONE;
      }
    } finally {
      await engine.close();
    }
  },
};
