import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

const ROOT = path.join(import.meta.dirname, "../..");

/**
 * Packs the package as `npm publish` would (from the dist/ that is there), and installs it in `folder`, as a user does.
 * Gives the paths inside the tarball.
 */
export function installPacked(folder: string): string[] {
  const packed = npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], ROOT);
  // npm 12 gives an object by package name, earlier ones an array.
  const [{ filename, files }] = Object.values(JSON.parse(packed)) as [{ filename: string; files: { path: string }[] }];
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(["install", "--no-audit", "--no-fund", path.join(folder, filename)], folder);
  return files.map((file) => file.path);
}

function npm(words: string[], cwd: string): string {
  const { npm_execpath } = process.env;
  const options = { cwd, encoding: "utf8" } as const;
  const flags = ["--loglevel=error", "--update-notifier=false"];
  if (npm_execpath?.endsWith(".js")) return execFileSync(process.execPath, [npm_execpath, ...words, ...flags], options);
  return execFileSync("npm", [...words, ...flags], { ...options, shell: process.platform === "win32" });
}
