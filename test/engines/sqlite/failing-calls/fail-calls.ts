import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { TestContext } from "node:test";
import { openStore } from "../../../../src/index.ts";
import { message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

/** How many functions of Node must have been called, and failed, for the test to say something. */
const LEAST = 12;

/** Who says that the owner lives: "lock", or, when somebody has removed the lock, "process". */
export type Witness = "lock" | "process";

/** Makes every public call while functions of Node fail with each of the codes. */
export async function failCalls(t: TestContext, witness: Witness, codes: readonly string[]): Promise<void> {
  const folder = temporaryFolder(t);
  const store = await openStore(path.join(folder, "store.db"));
  t.after(() => store.close());
  await store.set("plain", "1");
  await store.set("bound", "here", { ephemeral: true });
  const lock = await store.lock("held");
  // So that writers notify somebody.
  const changes = store.watch("other");
  void changes.next().catch(() => {});
  const sessions = path.join(folder, "store.db-sessions");
  const locks = fs.readdirSync(sessions).filter((name) => name.endsWith(".lock"));
  assert.ok(locks.length > 0);
  if (witness === "process") for (const name of locks) fs.rmSync(path.join(sessions, name));
  const child = start(t, path.join(import.meta.dirname, "child.ts"), folder, codes.join());
  const { complaints, failures } = await message<{ complaints: string[]; failures: Record<string, number> }>(child);
  t.diagnostic(JSON.stringify(failures));
  assert.deepEqual(complaints, []);
  assert.ok(Object.values(failures).filter((count) => count > 0).length >= LEAST, "hardly any call was made to fail");
  assert.equal(lock.held, true);
  assert.equal(await store.get("bound"), "here");
}
