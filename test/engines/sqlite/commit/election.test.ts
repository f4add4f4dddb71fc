import * as assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import { openStoreSync } from "../../../../src/index.ts";
import { message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const PROCESSES = 32;
const ROUNDS = 100;

test(`of ${PROCESSES} processes that create one key at once, exactly one does, ${ROUNDS} times`, async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const program = path.join(import.meta.dirname, "candidate.ts");
  const candidates = Array.from({ length: PROCESSES }, () => start(t, program, file));
  await Promise.all(candidates.map((candidate) => message(candidate)));
  const store = openStoreSync(file);
  t.after(() => store.close());
  for (let round = 0; round < ROUNDS; round++) {
    const key = `leader of round ${round}`;
    const answers = candidates.map((candidate) => message<boolean>(candidate));
    for (const candidate of candidates) candidate.send(key);
    const won = await Promise.all(answers);
    assert.equal(won.filter(Boolean).length, 1, `round ${round}`);
    assert.equal(store.getValue(key), String(candidates[won.indexOf(true)]!.pid));
  }
});
