import * as assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

/*
 * What the documentation says is so: its programs run and print what their comments say, its links lead somewhere, every
 * code of an error is explained.
 *
 * A block of TypeScript that imports is a program; one that does not (or says so) is a fragment. What a program writes is compared with its
 * `// prints: …` comments, in their order. A program that needs a server says so in the block's first line: ```ts redis.
 */

const ROOT = path.join(import.meta.dirname, "..");
const pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].concat(
  fs
    .readdirSync(path.join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name.replaceAll(path.sep, "/")}`),
);
const texts = new Map(pages.map((page) => [page, fs.readFileSync(path.join(ROOT, page), "utf8")]));

interface Program {
  readonly page: string;
  readonly line: number;
  readonly needs: string;
  readonly code: string;
}

function programsOf(page: string): Program[] {
  const text = texts.get(page)!;
  return [...text.matchAll(/^```ts *(.*)\n([\s\S]*?)^```$/gm)]
    .map(({ index, 1: needs, 2: code }) => ({
      page,
      line: text.slice(0, index).split("\n").length + 1,
      needs: needs!,
      code: code!,
    }))
    .filter(({ code, needs }) => /^import /m.test(code) && needs !== "fragment");
}

function without(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/`[^`\n]*`/g, "");
}

function anchorsOf(page: string): Set<string> {
  const headings = texts
    .get(page)!
    .replaceAll(/^```[\s\S]*?^```$/gm, "")
    .matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

const programs = pages.flatMap(programsOf);

describe("programs in the documentation", { concurrency: 2 }, () => {
  // Inside the package, so that `ipctools` is found by its own name.
  const folder = path.join(ROOT, ".cache/docs");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });

  test("there are some", () => assert.ok(programs.length >= 5, String(programs.length)));

  for (const { page, line, needs, code } of programs) {
    const skip = needs !== "" && `needs ${needs}`;
    test(`${page}, line ${line}`, { ...(skip && { skip }) }, async (t) => {
      const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
      t.after(() => fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));
      const file = path.join(folder, `${page.replaceAll(/\W/g, "-")}-${line}.ts`);
      fs.writeFileSync(file, code);
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const { stdout } = await promisify(execFile)(process.execPath, [file], {
        cwd: temporary,
        env: { ...env, IPCTOOLS_STORE: path.join(temporary, "store.db") },
        timeout: 30_000,
        killSignal: "SIGKILL",
      });
      const expected = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text]) => text);
      if (expected.length > 0) assert.deepEqual(stdout.trimEnd().split("\n"), expected);
    });
  }

  test("their types are right", () => {
    const project = path.join(folder, "tsconfig.json");
    for (const { page, line, code } of programs)
      fs.writeFileSync(path.join(folder, `${page.replaceAll(/\W/g, "-")}-${line}.ts`), code);
    const compilerOptions = { paths: {}, noUnusedLocals: false, noUnusedParameters: false };
    fs.writeFileSync(
      project,
      JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"], exclude: [] }),
    );
    const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });
});

test("every link leads somewhere", () => {
  const broken: string[] = [];
  for (const page of pages)
    for (const [, target] of without(texts.get(page)!).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target!)) continue;
      const [file, anchor] = target!.split("#") as [string, string?];
      const linked = file === "" ? page : path.posix.join(path.posix.dirname(page), file);
      const exists = fs.existsSync(path.join(ROOT, linked));
      if (!exists || (anchor !== undefined && !(texts.has(linked) && anchorsOf(linked).has(anchor))))
        broken.push(`${page}: ${target}`);
    }
  assert.deepEqual(broken, []);
});

test("every page is reached from the documentation's front page", () => {
  const front = texts.get("docs/README.md")!;
  const lost = pages.filter(
    (page) =>
      page.startsWith("docs/") && page !== "docs/README.md" && !front.includes(`(${page.slice("docs/".length)})`),
  );
  assert.deepEqual(lost, []);
});

test("every code of an error has its row, and no other has", () => {
  const source = fs.readFileSync(path.join(ROOT, "src/errors.ts"), "utf8");
  const codes = [...source.matchAll(/\| "(ERR_STORE_\w+)"/g)].map(([, code]) => code);
  assert.ok(codes.length > 20);
  const rows = [...texts.get("docs/errors.md")!.matchAll(/^\| `(ERR_STORE_\w+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(rows.sort(), codes.sort());
});

test("the error codes that are named anywhere in the documentation exist", () => {
  const source = fs.readFileSync(path.join(ROOT, "src/errors.ts"), "utf8");
  const unknown = pages.flatMap((page) =>
    [...texts.get(page)!.matchAll(/ERR_STORE_[A-Z_]+/g)]
      .filter(([code]) => !source.includes(`"${code}"`))
      .map(([code]) => `${page}: ${code}`),
  );
  assert.deepEqual(unknown, []);
});

test("the tests that the guarantees name are there", () => {
  const names = [...texts.get("docs/guarantees.md")!.matchAll(/`((?:test|[a-z-]+)(?:\/[a-z-]+)+)`/g)].map(
    ([, name]) => name!,
  );
  assert.ok(names.length > 20);
  const missing = names.filter((name) => {
    const file = name.startsWith("test/") ? name : `test/engines/sqlite/${name}`;
    return !fs.existsSync(path.join(ROOT, `${file}.test.ts`));
  });
  assert.deepEqual(missing, []);
});
