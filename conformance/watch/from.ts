import assert from "node:assert/strict";
import { commit, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";
import { brief, readUntilKey } from "./watching.ts";

export function watchFrom(suite: Suite): void {
  suite.test("a watch from a version reports what came after it, deletes included", async ({ engine }) => {
    await commit(engine, set("a"), set("b"), set("old"));
    const from = await commit(engine, set("c"));
    await commit(engine, set("a", "2"));
    await commit(engine, remove("b"));
    await commit(engine, set("d"));
    await commit(engine, set("elsewhere", "", { space: "system" }));
    const changes = engine.watch([{}], { from });
    assert.deepEqual(brief(await readUntilKey(changes, "d")), ["set a", "delete b", "set d"]);
    await commit(engine, set("e"));
    assert.deepEqual(brief(await readUntilKey(changes, "e")), ["set e"]);
    await changes.return?.();
  });

  suite.test("a watch from the newest version reports nothing old", async ({ engine }) => {
    const from = await commit(engine, set("a"));
    const changes = engine.watch([{}], { from });
    await commit(engine, set("b"));
    assert.deepEqual(brief(await readUntilKey(changes, "b")), ["set b"]);
    await changes.return?.();
  });

  suite.test(
    "a listing and a watch from its version miss nothing between them",
    async ({ engine, other }) => {
      let writing = true;
      const write = async () => {
        for (let i = 0; i < 60; i++) await commit(other, set(`k${i % 7}`, String(i)), remove(`k${(i + 3) % 7}`));
        writing = false;
        await commit(other, set("kend"));
      };
      const writer = write();
      const mirrors: Map<string, unknown>[] = [];
      const following: Promise<void>[] = [];
      while (writing && mirrors.length < 20) {
        const { entries, version } = await engine.list({ prefix: "k" });
        const mirror = new Map<string, unknown>(entries.map(({ key, value }) => [key, value]));
        mirrors.push(mirror);
        const changes = engine.watch([{ prefix: "k" }], { from: version });
        const follow = async () => {
          for (const change of await readUntilKey(changes, "kend", "set")) {
            if (change.type === "set") mirror.set(change.key, change.entry.value);
            else mirror.delete(change.key);
          }
          await changes.return?.();
        };
        if (!mirror.has("kend")) following.push(follow());
      }
      await writer;
      await Promise.all(following);
      const { entries } = await engine.list({ prefix: "k" });
      const truth = new Map<string, unknown>(entries.map(({ key, value }) => [key, value]));
      assert.ok(mirrors.length > 0);
      for (const mirror of mirrors) assert.deepEqual(new Map([...mirror].sort()), new Map([...truth].sort()));
    },
    { another: true },
  );

  suite.test("a watch resumed from the last version seen misses nothing", async ({ engine }) => {
    let from = await commit(engine, set("start"));
    const seen: string[] = [];
    for (let i = 0; i < 10; i++) {
      await commit(engine, set(`a${i}`));
      await commit(engine, set(`b${i}`));
      const changes = engine.watch([{}], { from });
      const batch = await readUntilKey(changes, `b${i}`);
      await changes.return?.();
      seen.push(...batch.map(({ key }) => key));
      from = batch.at(-1)!.version;
    }
    assert.deepEqual(seen, Array.from({ length: 10 }, (_, i) => [`a${i}`, `b${i}`]).flat());
  });
}
