import * as path from "node:path";
import { test } from "node:test";
import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";
import { nothingRemains } from "../engines/sqlite/sessions/remains.ts";
import { ended, message, start } from "../fixtures/child.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const ROUNDS = 13;
const PROCESSES = 8;
const SESSIONS = 10;

test(`nothing is left of ${ROUNDS * PROCESSES * SESSIONS} sessions that were killed`, async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const engine = await openSqliteEngine(file);
  const tenant = path.join(import.meta.dirname, "../engines/sqlite/sessions/tenant.ts");
  for (let round = 0; round < ROUNDS; round++) {
    const watch = engine.watch([{ prefix: "tenant " }]);
    const tenants = Array.from({ length: PROCESSES }, () => start(t, tenant, file, String(SESSIONS)));
    await Promise.all(tenants.map((child) => message(child)));
    for (const child of tenants) child.kill("SIGKILL");
    await Promise.all(tenants.map(ended));
    let deleted = 0;
    for await (const changes of watch) {
      deleted += changes.filter(({ type }) => type === "delete").length;
      if (deleted === PROCESSES * SESSIONS) break;
    }
  }
  await engine.close();
  await nothingRemains(file);
});
