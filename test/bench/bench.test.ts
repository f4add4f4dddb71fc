import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const main = path.join(import.meta.dirname, "../../bench/main.ts");

function bench(...words: string[]) {
  return spawnSync(process.execPath, [main, ...words], { encoding: "utf8", timeout: 60_000 });
}

test("the benchmark keeps the rest of a page, and refuses names that it does not know", (t) => {
  const out = path.join(temporaryFolder(t), "page.md");
  fs.writeFileSync(out, "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n");
  const selected = bench("--quick", "--no-install", "--only", "get", "--peers", "ipctools", "--out", out);
  assert.equal(selected.status, 0, selected.stderr);
  const page = fs.readFileSync(out, "utf8");
  assert.match(page, /^before\n<!-- bench -->\n[\s\S]*\(`get`\)[\s\S]*<!-- \/bench -->\nafter\n$/);
  assert.doesNotMatch(page, /old|\(`set`\)/);
  const unknown = bench("--only", "get,fly");
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /there is no fly; there are get, set/);
});
