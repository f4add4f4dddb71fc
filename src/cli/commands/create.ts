import { type Command, DONE, NO } from "../parse/command.ts";
import { valueArgument } from "../parse/value-argument.ts";
import { entryJson } from "../print/entry-json.ts";
import { writeJson } from "../print/output.ts";
import { openEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "set the value of a key that does not exist yet",
  usage: "KEY VALUE|-",
  details: `Of any number of programs that create one key at once exactly one gets exit status 0; the others get 1, and the
value stays. With --json also the entry as it is then. The value - is read from standard input.`,
  options: { ttl: { type: "string", value: "TIME", help: "the entry goes after this time: 500ms, 30s, 5m, 1h" } },
  arity: [2, 2],
  async run(call) {
    const key = call.positionals[0]!;
    const ttl = call.duration("ttl");
    const value = await valueArgument(call, 1);
    const engine = await openEngine(call.store);
    try {
      const set = { type: "set", key, value, ...(ttl === undefined ? undefined : { ttl }) } as const;
      const { ok, reads } = await engine.commit(
        { checks: [{ key, version: 0 }], mutations: [set], ...(call.json ? { reads: [{ key }] } : undefined) },
        call.wait,
      );
      const entry = reads[0]?.[0];
      if (call.json) writeJson({ ok, ...(entry === undefined ? { key } : entryJson(entry)) });
      return ok ? DONE : NO;
    } finally {
      await engine.close();
    }
  },
};
