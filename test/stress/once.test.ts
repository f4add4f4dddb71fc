import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ended, message, start } from "../fixtures/child.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

const CHILD = fileURLToPath(import.meta.resolve("../coordination/once-child.ts"));

test("of 32 processes that start at once, half of which die as soon as they run, one finishes", async (t) => {
  const folder = temporaryFolder(t);
  for (let round = 0; round < 4; round++) {
    const journal = `${folder}/journal-${round}`;
    fs.writeFileSync(journal, "");
    const begin = (dying: string) =>
      Array.from({ length: 16 }, () => start(t, CHILD, `${folder}/store.db`, journal, `round-${round}`, dying));
    const doomed = begin("die-before");
    const living = begin("none");
    const answers = await Promise.all(living.map((child) => message<number>(child)));
    await Promise.all([...living, ...doomed].map(ended));
    const pids = (event: string) =>
      fs
        .readFileSync(journal, "utf8")
        .split("\n")
        .filter((line) => line.startsWith(`${event} `))
        .map((line) => Number(line.split(" ")[1]));
    const dead = doomed.filter(({ signalCode }) => signalCode === "SIGKILL").map(({ pid }) => pid!);
    assert.equal(new Set(answers).size, 1, `several results: ${answers}`);
    // Everyone that ran before the one that finished died of it.
    assert.deepEqual(pids("begin").slice(0, -1).sort(), dead.sort());
    assert.deepEqual(pids("begin").slice(-1), [answers[0]]);
    assert.deepEqual(pids("end"), [answers[0]]);
  }
});
