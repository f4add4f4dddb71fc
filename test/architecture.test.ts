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

const files = filesIn("src", "conformance");
/** What is not shipped: its imports must not run in a circle either. */
const others = filesIn("test", "bench", "examples", "scripts");
const texts = new Map([...files, ...others].map((file) => [file, fs.readFileSync(path.join(ROOT, file), "utf8")]));
const imports = new Map([...texts].map(([file, text]) => [file, importsOf(file, text)]));

function filesIn(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    fs
      .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => `${folder}/${name.replaceAll(path.sep, "/")}`)
      .filter((name) => name.endsWith(".ts") && !name.includes("/node_modules/") && !name.includes("/.cache/")),
  );
}

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

/**
 * The floors of the house, the lowest first, each with its rooms. A file belongs to the first room that its path begins with.
 * It may import its own room, and the rooms of lower floors.
 */
const FLOORS = [
  ["src/errors.ts"],
  ["src/wait/"],
  ["src/engine/"],
  ["src/location/", "src/structured-clone/"],
  ["src/engines/memory/", "src/engines/sqlite/", "src/engines/etcd/", "src/engines/redis/"],
  ["src/engines/"],
  ["src/sync/", "src/coordination/"],
  ["src/store/"],
  ["src/index.ts", "src/cli/"],
];

/** The floors within a room, likewise. Files directly in the room are on top of all. */
const INNER_FLOORS: Record<string, string[][]> = {
  "src/coordination/": [["common/"], ["fifo/"], ["locks/", "queue/", "channel/"]],
  "src/engines/sqlite/": [["capabilities.ts"], ["file/"], ["database/"], ["sessions/"], ["commit/", "watch/"]],
  "src/engines/redis/": [["capabilities.ts"], ["protocol/"], ["connect/"], ["watch/"]],
  "src/engines/etcd/": [["capabilities.ts"], ["connect/"], ["data/"], ["watch/"]],
  "src/cli/": [["parse/", "print/"], ["run/", "copy/"], ["commands/"]],
};

/** The floor and the room of a file; the floor above the highest for a file that is in no room. */
function placeOf(file: string, floors: readonly (readonly string[])[]): { floor: number; room: string } {
  for (const [floor, rooms] of floors.entries())
    for (const room of rooms) if (file.startsWith(room)) return { floor, room };
  return { floor: floors.length, room: "" };
}

function isUpward(from: string, to: string, floors: readonly (readonly string[])[]): boolean {
  const [importer, imported] = [placeOf(from, floors), placeOf(to, floors)];
  return importer.room !== imported.room && imported.floor >= importer.floor;
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
    if (!module.startsWith("src/") || file.startsWith("conformance/")) return false;
    return isUpward(file, module, FLOORS);
  });
  assert.deepEqual(upward, []);
});

test("imports within a room point down only", () => {
  const upward = forbidden((file, { module }) =>
    Object.entries(INNER_FLOORS).some(
      ([room, floors]) =>
        file.startsWith(room) &&
        module.startsWith(room) &&
        isUpward(file.slice(room.length), module.slice(room.length), floors),
    ),
  );
  assert.deepEqual(upward, []);
});

test("every folder of src/ is a room", () => {
  assert.deepEqual(
    files.filter((file) => file.startsWith("src/") && placeOf(file, FLOORS).floor === FLOORS.length),
    [],
  );
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
    for (const { module } of imports.get(file) ?? []) visit(module, [...from, file]);
    state.set(file, "done");
  };
  for (const file of texts.keys()) visit(file, []);
  assert.deepEqual(circles, []);
});

/** Folders that hold one file for each thing of a kind, however many there are. */
const COLLECTIONS = ["src/cli/commands", "bench/ops", "bench/peers", "examples"];
const MOST_FILES = 13;

test("folders are small", () => {
  const sizes = new Map<string, number>();
  for (const file of texts.keys()) {
    const folder = path.posix.dirname(file);
    sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
  }
  const large = [...sizes].filter(([folder, size]) => size > MOST_FILES && !COLLECTIONS.includes(folder));
  assert.deepEqual(large, []);
});

test("the entry file only exports", () => {
  for (const statement of texts.get("src/index.ts")!.split(/;\n/))
    assert.match(statement.trim(), /^$|^export (type )?\{[\s\S]*\} from "[^"]+"$/);
});

test("files are small, and named for what they do", () => {
  const long = [...texts].filter(([, text]) => text.split("\n").length > 350).map(([file]) => file);
  assert.deepEqual(long, []);
  const misnamed = files.filter(
    (file) =>
      !/^[a-z]+(\/[a-z0-9]+(-[a-z0-9]+)*)+\.ts$/.test(file) || /\b(utils?|common|helpers?|misc|shared)\.ts$/.test(file),
  );
  assert.deepEqual(misnamed, []);
});
