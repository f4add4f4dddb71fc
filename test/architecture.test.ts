import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

/* The shape of the source: layers whose imports point down only, small files, nothing to install. */

const ROOT = path.join(import.meta.dirname, "..");

interface Import {
  /** The module's name, or its path from the root. */
  readonly module: string;
  readonly kind: "static" | "type" | "dynamic";
}

const files = ["src", "conformance"].flatMap((folder) =>
  fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name.replaceAll(path.sep, "/")}`),
);
const texts = new Map(files.map((file) => [file, fs.readFileSync(path.join(ROOT, file), "utf8")]));
const imports = new Map(files.map((file) => [file, importsOf(file, texts.get(file)!)]));

function importsOf(file: string, text: string): Import[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const found: Import[] = [];
  const add = (kind: Import["kind"], module: string) =>
    found.push({ kind, module: module.startsWith(".") ? path.posix.join(path.posix.dirname(file), module) : module });
  for (const [, type, names, module] of code.matchAll(/^(?:import|export) (type )?([^;"]*?from )?"([^"]+)"/gm))
    add(type || isOfTypesOnly(names) ? "type" : "static", module!);
  for (const [, before, module] of code.matchAll(/(typeof )?\bimport\("([^"]+)"\)/g))
    add(before ? "type" : "dynamic", module!);
  return found;
}

/** Of `{ type A, type B } from`: nothing is left of it when it is compiled. */
function isOfTypesOnly(names = ""): boolean {
  const listed = /^\{(.*)\}/s
    .exec(names)?.[1]
    ?.split(",")
    .map((name) => name.trim());
  return listed?.every((name) => name === "" || name.startsWith("type ")) ?? false;
}

/** Every import that a rule forbids, as `file imports module`. */
function forbidden(isForbidden: (file: string, imported: Import) => boolean): string[] {
  return files.flatMap((file) =>
    imports
      .get(file)!
      .filter((imported) => isForbidden(file, imported))
      .map(({ module, kind }) => `${file} imports ${module} (${kind})`),
  );
}

/** The layers, lowest first; a file belongs to the first that its path begins with. */
const LAYERS = [
  ["src/errors.ts", "src/engine/"],
  ["src/engines/"],
  ["src/coordination/"],
  ["src/cli/"],
  ["src/"],
  ["conformance/"],
] as const;
const [CONTRACT, ENGINES, COORDINATION, CLI, STORE, CONFORMANCE] = LAYERS.map((_, index) => index);
/** What each layer may import besides itself. */
const BELOW: Record<number, (number | undefined)[]> = {
  [ENGINES!]: [CONTRACT],
  [COORDINATION!]: [CONTRACT],
  [STORE!]: [CONTRACT, COORDINATION, ENGINES],
  [CLI!]: [CONTRACT, COORDINATION, ENGINES, STORE],
};

function layerOf(file: string): number {
  return LAYERS.findIndex((starts) => starts.some((start) => file.startsWith(start)));
}

/** `engines/redis/` of `src/engines/redis/engine.ts`; `undefined` for a file that is in no engine's folder. */
function engineOf(file: string): string | undefined {
  return /^src\/(engines\/[^/]+\/)/.exec(file)?.[1];
}

test("there is something to look at", () => {
  assert.ok(files.length > 50);
  assert.ok([...imports.values()].flat().length > 200);
  assert.deepEqual(
    importsOf(
      "src/a/b.ts",
      'import type { A } from "./c.ts";\nimport { B, type C } from "../d.ts";\nawait import("redis");',
    ),
    [
      { kind: "type", module: "src/a/c.ts" },
      { kind: "static", module: "src/d.ts" },
      { kind: "dynamic", module: "redis" },
    ],
  );
});

test("imports point down only", () => {
  const upward = forbidden((file, { module }) => {
    if (!module.startsWith("src/")) return false;
    const [from, to] = [layerOf(file), layerOf(module)];
    return from !== to && from !== CONFORMANCE && !(BELOW[from] ?? []).includes(to);
  });
  assert.deepEqual(upward, []);
});

test("coordination knows the engine contract, and no engine", () => {
  assert.deepEqual(
    forbidden((file, { module }) => file.startsWith("src/coordination/") && engineOf(module) !== undefined),
    [],
  );
});

test("an engine knows no other engine", () => {
  const strangers = forbidden((file, { module }) => {
    const [own, other] = [engineOf(file), engineOf(module)];
    return own !== undefined && other !== undefined && own !== other;
  });
  assert.deepEqual(strangers, []);
});

test("the engines of servers are loaded when they are needed", () => {
  const early = forbidden(
    (file, { module, kind }) =>
      kind === "static" && /^src\/engines\/(etcd|redis)\//.test(module) && engineOf(module) !== engineOf(file),
  );
  assert.deepEqual(early, []);
});

test("the conformance suite knows the package alone", () => {
  const inside = forbidden((file, { module }) => file.startsWith("conformance/") && module.startsWith("src/"));
  assert.deepEqual(inside, []);
});

test("nothing has to be installed: what is no part of Node is an optional peer, in its engine alone, on demand", () => {
  const {
    dependencies,
    peerDependencies = {},
    peerDependenciesMeta = {},
  } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
  assert.equal(dependencies, undefined);
  for (const peer of Object.keys(peerDependencies)) assert.equal(peerDependenciesMeta[peer]?.optional, true, peer);
  const foreign = forbidden((file, { module, kind }) => {
    if (/^(node:|src\/|conformance\/)/.test(module)) return false;
    if (file.startsWith("conformance/")) return module !== "ipctools";
    return kind === "static" || !(module in peerDependencies) || engineOf(file) === undefined;
  });
  assert.deepEqual(foreign, []);
});

test("node:sqlite is never imported before it is used, so that the package loads everywhere", () => {
  assert.deepEqual(
    forbidden((_, { module, kind }) => module === "node:sqlite" && kind !== "type"),
    [],
  );
});

test("no file imports itself in a circle", () => {
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (file: string, from: readonly string[]) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      circles.push([...from.slice(from.indexOf(file)), file].join(" → "));
      return;
    }
    state.set(file, "open");
    for (const { module, kind } of imports.get(file) ?? []) if (kind === "static") visit(module, [...from, file]);
    state.set(file, "done");
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(circles, []);
});

test("the entry file only exports", () => {
  for (const statement of texts.get("src/index.ts")!.split(/;\n/))
    assert.match(statement.trim(), /^$|^export (type )?\{[\s\S]*\} from "[^"]+"$/);
});

test("files are small, and named for what they do", () => {
  const long = files.filter((file) => texts.get(file)!.split("\n").length > 350);
  assert.deepEqual(long, []);
  const misnamed = files.filter(
    (file) =>
      !/^[a-z]+(\/[a-z0-9]+(-[a-z0-9]+)*)+\.ts$/.test(file) || /\b(utils?|common|helpers?|misc|shared)\.ts$/.test(file),
  );
  assert.deepEqual(misnamed, []);
});
