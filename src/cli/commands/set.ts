import { type Command, DONE } from "../parse/command.ts";
import { valueArgument } from "../parse/value-argument.ts";
import { writeJson } from "../print/output.ts";
import { openEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "set the value of a key, whether it exists or not",
  usage: "KEY VALUE|-",
  details: `The value - is read from standard input, to its end and exactly as it comes (UTF-8; a newline at the end
belongs to it). What begins with - goes after --: ipctools set -- -key -value`,
  options: { ttl: { type: "string", value: "TIME", help: "the entry goes after this time: 500ms, 30s, 5m, 1h" } },
  arity: [2, 2],
  async run(call) {
    const key = call.positionals[0]!;
    const ttl = call.duration("ttl");
    const value = await valueArgument(call, 1);
    const engine = await openEngine(call.store);
    try {
      const set = { type: "set", key, value, ...(ttl === undefined ? undefined : { ttl }) } as const;
      const { version } = await engine.commit({ mutations: [set] }, call.wait);
      if (call.json) writeJson({ ok: true, key, version });
      return DONE;
    } finally {
      await engine.close();
    }
  },
};
