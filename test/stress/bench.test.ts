import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { operations } from "../../bench/ops/index.ts";
import type { Report } from "../../bench/report.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const main = path.join(import.meta.dirname, "../../bench/main.ts");

function bench(...words: string[]) {
  return spawnSync(process.execPath, [main, ...words], { encoding: "utf8", timeout: 120_000 });
}

/** What needs no server: the engines' own tests show that those work. */
const local = operations.filter(({ server }) => server === undefined);

test("the benchmark runs all its operations, without a network and with what is installed", (t) => {
  const out = path.join(temporaryFolder(t), "report.md");
  const { status, stdout, stderr } = bench(
    "--quick",
    "--no-install",
    "--only",
    local.map(({ name }) => name).join(),
    "--peers",
    "ipctools,ipctools-file,ipctools-command,lmdb",
    "--out",
    out,
  );
  assert.equal(stderr.replace(/\r.*/g, ""), "");
  assert.equal(status, 0);
  assert.equal(fs.readFileSync(out, "utf8"), stdout.replace(/\n$/, ""));
  const report = JSON.parse(fs.readFileSync(out.replace(/md$/, "json"), "utf8")) as Report;
  for (const operation of local) {
    const found = report.results.filter(
      (result) => result.operation === operation.name && result.peer.startsWith("ipctools"),
    );
    assert.ok(found.length > 0, `${operation.name} was not measured`);
    for (const { rounds } of found)
      for (const [figure, value] of Object.entries(rounds[0]!))
        assert.ok(value >= 0 && Number.isFinite(value), `${operation.name}: ${figure} is ${value}`);
  }
  const isLmdbThere = fs.existsSync(path.join(main, "../node_modules/lmdb"));
  assert.equal(report.missing.lmdb, isLmdbThere ? undefined : "not installed: lmdb");
});
