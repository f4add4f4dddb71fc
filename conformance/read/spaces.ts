import assert from "node:assert/strict";
import { commit, entryOf, holds, keys, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";
import { readUntilKey } from "../watch/watching.ts";

export function spaces(suite: Suite): void {
  suite.test("the user's keys and the system's never meet", async ({ engine }) => {
    const version = await commit(engine, set("a", "user"));
    assert.equal(await engine.get("a", "system"), undefined);
    assert.equal(await holds(engine, { checks: [{ key: "a", space: "system", version }] }), false);
    await commit(engine, set("a", "system", { space: "system" }), set("b", "", { space: "system" }));
    assert.equal((await entryOf(engine, "a")).value, "user");
    const other = await entryOf(engine, "a", "system");
    assert.deepEqual([other.value, other.space], ["system", "system"]);
    assert.deepEqual(await keys(engine), ["a"]);
    assert.deepEqual(await keys(engine, { space: "system" }), ["a", "b"]);
    await commit(engine, remove("a"));
    assert.equal((await entryOf(engine, "a", "system")).value, "system");
  });

  suite.test("one key of both spaces can change in one commit", async ({ engine }) => {
    await commit(engine, set("a", "1"), set("a", "2", { space: "system" }));
    await commit(engine, remove("a"), set("a", "3", { space: "system" }));
    assert.equal(await engine.get("a"), undefined);
    assert.equal((await entryOf(engine, "a", "system")).value, "3");
  });

  suite.test("a watch of one space reports nothing of the other", async ({ engine }) => {
    const user = engine.watch([{}]);
    const system = engine.watch([{ space: "system" }]);
    await commit(engine, set("a"));
    await commit(engine, set("b", "", { space: "system" }));
    await commit(engine, set("end"), set("end", "", { space: "system" }));
    assert.deepEqual(
      (await readUntilKey(user, "end")).map(({ key, space }) => [key, space]),
      [
        ["a", undefined],
        ["end", undefined],
      ],
    );
    assert.deepEqual(
      (await readUntilKey(system, "end")).map(({ key, space }) => [key, space]),
      [
        ["b", "system"],
        ["end", "system"],
      ],
    );
    await user.return?.();
    await system.return?.();
  });
}
