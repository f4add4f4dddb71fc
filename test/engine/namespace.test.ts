import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { engineConformance } from "../../conformance/index.ts";
import type { Engine, Mutation } from "../../src/engine/contract.ts";
import { namespaced } from "../../src/engine/namespace.ts";
import { memoryEngine } from "../../src/engines/memory/engine.ts";
import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";

/** Keys on all sides of the namespace: none of them may show up in it. */
async function surround(whole: Engine): Promise<void> {
  const keys = ["", "a", "par", "part", "part.", "part0", "z", "namespace/part/", "namespace/part/a"];
  const mutations: Mutation[] = keys.map((key) => ({ type: "set", key, value: "outside" }));
  const system: Mutation[] = ["a", "part/a", "q/1"].map((key) => ({ type: "set", key, value: "", space: "system" }));
  await whole.commit({ mutations: [...mutations, ...system] });
}

engineConformance({
  name: "namespace of memory",
  async open() {
    const whole = memoryEngine();
    await surround(whole);
    const engine = namespaced(whole, "part/");
    return {
      engine,
      another: async () => namespaced(namespaced(whole, "pa"), "rt/"),
      async cleanup() {
        await engine.close();
        await whole.close();
      },
    };
  },
  skip: {
    "info tells the engine, whether a value was ever set, the user's keys and the newest version":
      "values were set around the namespace",
  },
});

engineConformance({
  name: "namespace of sqlite",
  async open() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
    const file = path.join(folder, "store.db");
    const whole = await openSqliteEngine(file);
    const engine = namespaced(whole, "part/");
    return {
      engine,
      async another() {
        const other = await openSqliteEngine(file);
        const part = namespaced(other, "part/");
        const close = part.close.bind(part);
        part.close = () => close().finally(() => other.close());
        return part;
      },
      async cleanup() {
        await engine.close();
        await whole.close();
        fs.rmSync(folder, { recursive: true });
      },
    };
  },
});
