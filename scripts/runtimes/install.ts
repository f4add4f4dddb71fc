import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** Its executable, from the npm package of that name. */
  readonly path: string;
  /** Whether it runs the tests of coordination too, which take most of the time. */
  readonly coordinates: boolean;
  /** The command that runs a file of tests. */
  test(file: string): string[];
  readonly environment?: NodeJS.ProcessEnv;
}

const CACHE = path.join(import.meta.dirname, "../../.cache/runtimes");

/** The oldest Node that the package supports; the newest of that line; the next line; the other runtimes. */
export function installRuntimes(): Runtime[] {
  return [node("22.16.0", true), node("22.23.3", false), node("26.10.0", false), deno("2.9.6"), bun("1.4.4")];
}

/** The repository's own Node runs all tests, so that Nodes beside it are not expected to differ in coordination. */
function node(version: string, coordinates: boolean): Runtime {
  // Before 22.18 types have to be stripped by a flag; tests fork programs in TypeScript, so it is in the environment.
  const environment = { NODE_OPTIONS: "--experimental-strip-types --disable-warning=ExperimentalWarning" };
  return {
    name: "Node",
    version,
    path: install("node", version),
    coordinates,
    test: (file) => ["--test", "--test-reporter=tap", file],
    ...(version.startsWith("22.") && { environment }),
  };
}

function deno(version: string): Runtime {
  return {
    name: "Deno",
    version,
    path: install("deno", version),
    coordinates: true,
    test: (file) => ["test", "--allow-all", "--no-check", file],
    environment: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  };
}

function bun(version: string): Runtime {
  return {
    name: "Bun",
    version,
    path: install("bun", version),
    coordinates: true,
    test: (file) => ["test", "--timeout=60000", file],
  };
}

/** Installs a package of the npm registry that brings a runtime, unless it is there, and gives the runtime's path. */
function install(name: string, version: string): string {
  const folder = path.join(CACHE, `${name}-${version}`);
  const executable = path.join(folder, "node_modules/.bin", name);
  if (!fs.existsSync(executable)) {
    console.log(`installing ${name} ${version} ...`);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    // The package `node` and `deno` and `bun` put their executable in place with an install script.
    const manifest = { private: true, dependencies: { [name]: version }, allowScripts: { [name]: true } };
    fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
    const words = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
    execFileSync("npm", words, { cwd: folder, stdio: "inherit", shell: process.platform === "win32" });
  }
  return fs.realpathSync(executable);
}
