import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { engineConformance } from "../../../conformance/index.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";

engineConformance({
  name: "sqlite",
  async open() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
    const file = path.join(folder, "store.db");
    const engine = await openSqliteEngine(file);
    return {
      engine,
      another: () => openSqliteEngine(file),
      async cleanup() {
        await engine.close();
        fs.rmSync(folder, { recursive: true });
      },
    };
  },
});
