import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { ended, kill, message, start } from "../../fixtures/child.ts";
import { temporaryFolder } from "../../fixtures/temporary-folder.ts";
import { until } from "../../fixtures/until.ts";

const CHILD = fileURLToPath(import.meta.resolve("./poster-child.ts"));

/** The number of the message that comes last. */
const MARK = -1;

export interface Broadcast {
  /** Processes that post and listen to the end. */
  readonly members: number;
  /** Processes that are killed on the way. */
  readonly doomed: number;
  /** Messages that each posts. */
  readonly count: number;
}

/**
 * Everybody posts and listens, the doomed are killed one after the other. Each member must get all messages of the other
 * members, in their order, and of the doomed ones the same that every other member gets, in the same places.
 */
export async function broadcast(t: TestContext, { members, doomed, count }: Broadcast): Promise<void> {
  const folder = temporaryFolder(t);
  const ids = Array.from({ length: members + doomed }, (_, i) => (i < members ? `member${i}` : `doomed${i}`));
  const journals = ids.map((id) => `${folder}/${id}`);
  const read = (i: number) => fs.readFileSync(journals[i]!, "utf8").trimEnd().split("\n");
  const children = ids.map((id, i) => {
    fs.writeFileSync(journals[i]!, "");
    return start(t, CHILD, `${folder}/store.db`, journals[i]!, id, String(i < members ? count : count * 1000));
  });
  await Promise.all(children.map((child) => message(child)));
  const posted = Promise.all(children.slice(0, members).map((child) => message(child)));
  for (const child of children) child.send("post");
  // Each of the doomed dies when so many messages have come to the first member.
  for (const [i, child] of children.slice(members).entries()) {
    const point = ((i + 1) * count) / (doomed + 1);
    await until(() => read(0).length >= point);
    await kill(child);
  }
  await posted;
  // A message that each member posts now comes after everything, that of the dead included: who has it has all.
  for (const child of children.slice(0, members)) child.send("mark");
  await until(() => ids.slice(0, members).every((_, i) => complete(read(i), i)));
  const got = ids.slice(0, members).map((_, i) => read(i));
  for (const child of children.slice(0, members)) child.send("stop");
  await Promise.all(children.map(ended));

  for (const [i, lines] of got.entries()) {
    assert.deepEqual(
      lines.filter((line) => line.startsWith("error")),
      [],
    );
    for (const [j, id] of ids.entries()) {
      const numbers = lines.filter((line) => line.startsWith(`${id} `)).map((line) => Number(line.split(" ")[1]));
      const length = j === i ? 0 : j < members ? count : numbers.length;
      assert.deepEqual(
        numbers.filter((number) => number !== MARK),
        Array.from({ length }, (_, n) => n),
        `${ids[i]} of ${id}`,
      );
    }
    // One order: without each other's own messages, the journals of two members are the same.
    const [here, there] = [0, i].map((k) =>
      got[k]!.filter((line) => !line.startsWith(`${ids[0]} `) && !line.startsWith(`${ids[i]} `)),
    );
    assert.deepEqual(here, there);
  }

  function complete(lines: string[], i: number): boolean {
    const last = new Set(lines);
    return ids.slice(0, members).every((id, j) => j === i || last.has(`${id} ${MARK}`));
  }
}
