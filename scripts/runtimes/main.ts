import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { installPacked } from "../../test/package/installed.ts";
import { installRuntimes, type Runtime } from "./install.ts";

/*
 * Runs a part of the tests on each runtime that the package supports: on the packed package the table of the blocking API, and
 * from the source what is in test/runtimes/, structured clones, and the conformance suite over the engines that need no server.
 * The tests of coordination run on the oldest Node, on Deno and on Bun.
 */

const ROOT = path.join(import.meta.dirname, "../..");
const FROM_SOURCE = [
  "test/engines/memory/conformance.test.ts",
  "test/engines/sqlite/conformance.test.ts",
  ...testsIn("test/runtimes"),
  ...testsIn("test/structured-clone"),
];
/** Without the tests of faults, which are about the algorithms, on an engine in memory. */
const COORDINATION = testsIn("test/coordination").filter((file) => !file.startsWith("test/coordination/faults/"));
const PACKED = ["contract.ts", "programs.ts"];
const LIMIT = 180_000;
const LONGEST_OUTPUT = 10_000;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
const rows: { runtime: string; passed: number; failed: number; skipped: number; seconds: string }[] = [];
try {
  installPacked(folder);
  fs.cpSync(path.join(ROOT, "test/package/consumer"), folder, { recursive: true });
  for (const runtime of installRuntimes()) {
    const row = runAll(runtime);
    console.log(`${row.runtime}: ${row.passed} passed, ${row.failed} failed in ${row.seconds} s`);
    rows.push(row);
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

console.table(rows);
const sum = (count: "passed" | "failed" | "skipped") => rows.reduce((total, row) => total + row[count], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
if (rows.some(({ failed }) => failed > 0)) process.exitCode = 1;

function testsIn(folder: string): string[] {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}/${name}`);
}

function runAll(runtime: Runtime): (typeof rows)[number] {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const begun = performance.now();
  for (const [cwd, files] of [
    [folder, PACKED],
    [ROOT, runtime.coordinates ? [...FROM_SOURCE, ...COORDINATION] : FROM_SOURCE],
  ] as const)
    for (const file of files) {
      const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
      const { status, signal, stdout, stderr } = spawnSync(runtime.path, runtime.test(`./${file}`), {
        cwd,
        encoding: "utf8",
        env: { ...environment, ...runtime.environment },
        timeout: LIMIT,
        killSignal: "SIGKILL",
        maxBuffer: 64 * 1024 * 1024,
      });
      const output = stdout + stderr;
      const [passed, failed, skipped] = [count(output, "pass"), count(output, "fail"), count(output, "skip")];
      counts.passed += passed;
      counts.skipped += skipped;
      // A file that ran no test, or ended otherwise than well, failed, whatever it counted.
      counts.failed += Math.max(failed, status === 0 && passed > 0 ? 0 : 1);
      if (status !== 0 || passed === 0)
        console.log(`\n${runtime.name} ${runtime.version}: ${file}: ended with ${signal ?? status}\n${lastOf(output)}`);
    }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  return { runtime: `${runtime.name} ${runtime.version}`, ...counts, seconds };
}

function lastOf(output: string): string {
  return output.length > LONGEST_OUTPUT ? `…${output.slice(-LONGEST_OUTPUT)}` : output;
}

/** What the summary at the end of a run says: `# pass 3` (Node), `1 passed (3 steps)` (Deno), `3 pass` (Bun). */
function count(output: string, what: "pass" | "fail" | "skip"): number {
  const words = { pass: "pass(?:ed)?", fail: "fail(?:ed)?", skip: "(?:skip(?:ped)?|ignored)" }[what];
  const matches = [
    ...output.matchAll(
      new RegExp(`^# ${words} (\\d+)$|(?:^|\\| )\\s*(\\d+) ${words}\\b(?: \\((\\d+) steps?\\))?`, "gm"),
    ),
  ];
  const last = matches.at(-1);
  return Number(last?.[1] ?? last?.[3] ?? last?.[2] ?? 0);
}
