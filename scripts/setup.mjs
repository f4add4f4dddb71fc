/*
 * Makes a clone ready, and costs a blink when it is: installs what package-lock.json says, and builds dist/. It runs
 * before the scripts of package.json that need it, so that `npm test` and `npm start` work on a fresh clone. Plain
 * JavaScript for old versions of Node: after the installation the repository's own Node is first on the PATH.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

if (!isInstalled()) {
  if (fs.lstatSync("node_modules", { throwIfNoEntry: false })?.isSymbolicLink())
    fail("node_modules is a link, and what it links to is not what package-lock.json says: install there");
  console.log("installing what package-lock.json says ...");
  npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!isInstalled()) fail("npm ci left something out (is ignore-scripts set? the package `node` needs its own)");
}
const inputs = hashOfInputs();
if (!isBuilt(inputs)) {
  console.log("building dist/ ...");
  for (const old of ["dist", ".cache/compiled"]) fs.rmSync(old, { recursive: true, force: true });
  npm(["run", "--silent", "build"]);
  fs.mkdirSync(".cache", { recursive: true });
  fs.writeFileSync(".cache/built-from", inputs);
}

/** Whether each package of the lock file is there in its version (optional ones are for other platforms), and Node. */
function isInstalled() {
  const locked = readJson("package-lock.json").packages;
  const installed = readJson("node_modules/.package-lock.json")?.packages;
  return (
    installed !== undefined &&
    Object.entries(locked).every(
      ([name, { version, optional }]) => name === "" || optional || installed[name]?.version === version,
    ) &&
    fs.existsSync("node_modules/node/bin")
  );
}

function isBuilt(inputs) {
  return (
    fs.existsSync("dist/index.js") &&
    fs.existsSync(".cache/built-from") &&
    fs.readFileSync(".cache/built-from", "utf8") === inputs
  );
}

function hashOfInputs() {
  const hash = createHash("sha256");
  for (const input of ["package.json", "package-lock.json", "src", "conformance", "scripts", ...configurations()])
    for (const file of filesIn(input)) hash.update(`${file}\0`).update(fs.readFileSync(file)).update("\0");
  return hash.digest("hex");
}

function configurations() {
  return fs.readdirSync(".").filter((name) => /^tsconfig.*\.json$/.test(name));
}

function filesIn(input) {
  if (!fs.statSync(input).isDirectory()) return [input];
  return fs
    .readdirSync(input)
    .sort()
    .flatMap((name) => filesIn(path.join(input, name)));
}

function readJson(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : undefined;
}

function npm(words) {
  const [command, ...first] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const { status, error } = spawnSync(command, [...first, ...words], {
    stdio: "inherit",
    shell: command === "npm" && process.platform === "win32",
  });
  if (error) throw error;
  if (status !== 0) fail(`npm ${words.join(" ")} failed`);
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
