import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

const folder = path.join(import.meta.dirname, "../examples");
const examples = fs.readdirSync(folder).filter((name) => name.endsWith(".ts"));

/** Longer than this is no example any more. */
const LINES = 40;

/** What the comment at an example's end says that it prints. */
function expectedOutput(source: string): string {
  const lines = source.slice(source.indexOf("\n// Prints:\n")).split("\n").slice(2, -1);
  return lines.map((line) => `${line.replace(/^\/\/ {3}/, "")}\n`).join("");
}

describe("examples", { concurrency: 2 }, () => {
  for (const name of examples) {
    test(name, async (t) => {
      const source = fs.readFileSync(path.join(folder, name), "utf8");
      assert.match(source, /^\/\/ [A-Z]/, "its first line says what it shows");
      assert.ok(source.split("\n").length <= LINES, `${source.split("\n").length} lines`);
      assert.ok(source.includes("\n// Prints:\n"), "its end says what it prints");
      const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
      t.after(() => fs.rmSync(temporary, { recursive: true }));
      const { NODE_OPTIONS, ...env } = process.env;
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [path.join(folder, name)], {
        env: { ...env, IPCTOOLS_STORE: path.join(temporary, "store.db") },
        timeout: 30_000,
        killSignal: "SIGKILL",
      });
      assert.equal(stderr, "");
      assert.equal(stdout, expectedOutput(source));
    });
  }
});
