import * as crypto from "node:crypto";
import { engineConformance } from "../../../conformance/index.ts";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";

engineConformance({
  name: "memory",
  async open() {
    const name = crypto.randomUUID();
    const engine = memoryEngine(name, { history: 1000 });
    return {
      engine,
      another: async () => memoryEngine(name),
      async forget() {
        for (let i = 0; i <= 1000; i++) {
          engine.commit({ mutations: [{ type: "set", key: `forgotten ${i}`, value: "" }] });
          engine.commit({ mutations: [{ type: "delete", key: `forgotten ${i}` }] });
        }
      },
      cleanup: () => engine.close(),
    };
  },
});
