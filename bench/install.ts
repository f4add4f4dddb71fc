import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Peer } from "./peer.ts";
import type { Servers } from "./servers.ts";

const folder = import.meta.dirname;

/** Installs what bench/package-lock.json says, if that is not done yet. What fails is told, and its peers are missing. */
export function installPackages(): void {
  const done = path.join(folder, "node_modules", ".installed-from");
  const lock = fs.readFileSync(path.join(folder, "package-lock.json"), "utf8");
  if (fs.existsSync(done) && fs.readFileSync(done, "utf8") === lock) return;
  console.error("installing the packages to compare with ...");
  const npm = process.env.npm_execpath;
  const words = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync(npm ? process.execPath : "npm", npm ? [npm, ...words] : words, {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
    shell: !npm && process.platform === "win32",
  });
  if (status === 0) fs.writeFileSync(done, lock);
  else console.error("npm ci in bench/ failed: the peers that it would have brought are missing below");
}

/** A Python with the libraries to compare with, in a folder of bench's own; else the one on the PATH; else nothing. */
export function findPython(mayInstall: boolean): string | undefined {
  const home = path.join(folder, "node_modules", ".python");
  const own = path.join(home, ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
  const system = ["python3", "python"].find((name) => spawnSync(name, ["--version"]).status === 0);
  if (system === undefined || fs.existsSync(path.join(home, "ready"))) return system && own;
  if (!mayInstall) return system;
  console.error("installing the Python libraries to compare with ...");
  if (spawnSync(system, ["-m", "venv", home]).status !== 0) return system;
  for (const library of ["ipctools==0.2.1", "diskcache==5.6.3"])
    spawnSync(own, ["-m", "pip", "install", "--quiet", library], { stdio: "ignore" });
  fs.writeFileSync(path.join(home, "ready"), "");
  return own;
}

/** Why a peer cannot take part; `undefined` if it can. */
export function whyMissing({ packages = [], python, server, built }: Peer, servers: Servers): string | undefined {
  const missing = packages.filter((name) => !fs.existsSync(path.join(folder, "node_modules", name, "package.json")));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  if (built !== undefined && !fs.existsSync(built)) return "not built: npm run build";
  if (server !== undefined && servers[server] === undefined) return `no ${server} server on the PATH`;
  if (python === undefined) return undefined;
  if (servers.python === undefined) return "no python3 on the PATH";
  const { status, stderr } = spawnSync(servers.python, ["-c", `import ${python}`], { encoding: "utf8" });
  if (status === 0) return undefined;
  const version = spawnSync(servers.python, ["--version"], { encoding: "utf8" }).stdout.trim();
  return `${stderr.trim().split("\n").at(-1)} (${version})`;
}

/** The version of a package of bench's own. */
export function versionOf(name: string): string {
  const file = path.join(folder, "node_modules", name, "package.json");
  return (JSON.parse(fs.readFileSync(file, "utf8")) as { version: string }).version;
}
