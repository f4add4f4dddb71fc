import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { installPacked } from "./installed.ts";

/* The package as a user has it: packed, and installed in an empty folder. */

const ROOT = path.join(import.meta.dirname, "../..");
const CONSUMER = path.join(import.meta.dirname, "consumer");
let folder: string;
let packed: string[];

before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  packed = installPacked(folder);
  fs.cpSync(CONSUMER, folder, { recursive: true });
});
after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  const { stdout, stderr, status } = spawnSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...own, ...env },
    timeout: 120_000,
  });
  assert.equal(status, 0, `${command} ${args.join(" ")}: exit status ${status}\n${stdout}${stderr}`);
  return stdout;
}

test("the package holds what users need, and nothing that only developers need", () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
  for (const file of [
    "package.json",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "docs/guarantees.md",
    manifest.bin.ipctools,
  ])
    assert.ok(packed.includes(file), `${file} is not in the package`);
  const superfluous = packed.filter(
    (file) =>
      !/^(dist\/.*\.(c?js|d\.ts|proto)|docs\/.*\.md|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(file) ||
      /(^|\/)(test|bench|scripts|node_modules|\.cache)\//.test(file),
  );
  assert.deepEqual(superfluous, []);
});

test("nothing is installed with it", () => {
  const { dependencies = {} } = JSON.parse(
    fs.readFileSync(path.join(folder, "node_modules/ipctools/package.json"), "utf8"),
  );
  assert.deepEqual(dependencies, {});
  const installed = fs.readdirSync(path.join(folder, "node_modules")).filter((name) => !name.startsWith("."));
  assert.deepEqual(installed, ["ipctools"]);
});

test("every compiled file that is imported is in the package", () => {
  const missing = packed
    .filter((file) => /\.(c?js|d\.ts)$/.test(file))
    .flatMap((file) => {
      const text = fs.readFileSync(path.join(folder, "node_modules/ipctools", file), "utf8");
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1]!);
      return (
        imports
          // In a declaration file TypeScript leaves the name of the source file, which means its declarations.
          .map((module) => (file.endsWith(".d.ts") ? module.replace(/\.ts$/, ".d.ts") : module))
          .map((module) => path.posix.join(path.posix.dirname(file), module))
          .filter((module) => !packed.includes(module))
          .map((module) => `${file} imports ${module}`)
      );
    });
  assert.deepEqual(missing, []);
});

test("every row of the blocking API's table holds", { timeout: 120_000 }, () => {
  const output = run(process.execPath, ["--test", "--test-reporter=tap", "contract.ts", "programs.ts"]);
  assert.match(output, /^# pass (2[5-9]|[3-9]\d)$/m);
  assert.match(output, /^# skipped 0$/m);
});

for (const [module, resolution] of [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
] as const)
  test(`its types serve a user with moduleResolution ${resolution}`, () => {
    fs.mkdirSync(path.join(folder, "node_modules/@types"), { recursive: true });
    const types = path.join(folder, "node_modules/@types/node");
    if (!fs.existsSync(types)) fs.symlinkSync(path.join(ROOT, "node_modules/@types/node"), types, "junction");
    const project = path.join(folder, `tsconfig.${resolution}.json`);
    const compilerOptions = {
      module,
      moduleResolution: resolution,
      target: "es2022",
      lib: ["es2022", "esnext.disposable"],
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    };
    fs.writeFileSync(project, JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
    run(process.execPath, [path.join(ROOT, "node_modules/typescript/bin/tsc"), "-p", project]);
  });

test("its command works", () => {
  const command = path.join(folder, "node_modules/.bin/ipctools");
  const env = { IPCTOOLS_STORE: path.join(folder, "command.db") };
  const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
  assert.equal(run(command, ["--version"], env).trim(), version);
  run(command, ["set", "greeting", "hello"], env);
  assert.equal(run(command, ["get", "greeting"], env), "hello\n");
});

test("where there is no node:sqlite it can be imported, and its first use says what is needed", () => {
  const env = { IPCTOOLS_STORE: path.join(folder, "none.db") };
  const lines = run(process.execPath, ["--no-experimental-sqlite", "no-sqlite.ts"], env).trim().split("\n");
  assert.equal(lines.length, 3);
  for (const line of lines.slice(0, 2)) assert.match(line, /^ERR_STORE_RUNTIME .*Node 22\.16 or newer/);
  assert.equal(lines[2], "undefined false");
});
