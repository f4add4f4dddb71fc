import { type Command, DONE } from "../parse/command.ts";
import { painter, visible, writeJson, writeLine } from "../print/output.ts";
import { openEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "show where the store is and what it guarantees",
  usage: "",
  details: "Path or URL, engine, number of keys, durability, format, size. Creates nothing; shows no password.",
  arity: [0, 0],
  async run(call) {
    const engine = await openEngine(call.store);
    try {
      const info = await engine.info();
      if (call.json) {
        writeJson({ ...info, capabilities: engine.capabilities });
        return DONE;
      }
      const { reach, persistent, liveness } = engine.capabilities;
      const rows: [string, string | number | boolean][] = [
        ["location", info.location],
        ["engine", info.engine],
        ["initialized", info.initialized],
        ["keys", info.keys],
        ["version", info.version],
        ["reach", REACH[reach]],
        ["persistent", persistent],
        ["liveness", LIVENESS[liveness]],
        ["durability", info.durability],
        ...Object.entries(info.details),
      ];
      const paint = painter("stdout");
      const width = Math.max(...rows.map(([name]) => name.length)) + 2;
      for (const [name, value] of rows) writeLine(`${paint("cyan", visible(name).padEnd(width))}${shown(value)}`);
      return DONE;
    } finally {
      await engine.close();
    }
  },
};

const REACH = { process: "one process", machine: "all processes of this machine", network: "machines on a network" };
const LIVENESS = { kernel: "told by the kernel", lease: "a lease that runs out" };

function shown(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return visible(String(value));
}
