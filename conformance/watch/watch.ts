import assert from "node:assert/strict";
import { commit, remove, set } from "../commit/writing.ts";
import type { Suite } from "../suite.ts";
import { brief, readUntil, readUntilKey } from "./watching.ts";

export function watch(suite: Suite): void {
  suite.test("a watch reports sets with their entries, and deletes", async ({ engine }) => {
    const changes = engine.watch([{ key: "a" }]);
    const first = await commit(engine, set("a", "1"));
    assert.deepEqual(await readUntilKey(changes, "a", "set"), [
      { type: "set", key: "a", version: first, entry: { key: "a", value: "1", version: first, createdVersion: first } },
    ]);
    const second = await commit(engine, set("a", Uint8Array.of(2)));
    const [update] = await readUntilKey(changes, "a", "set");
    assert.ok(update?.type === "set" && update.entry.value instanceof Uint8Array);
    assert.deepEqual([update.entry.version, update.entry.createdVersion], [second, first]);
    const third = await commit(engine, remove("a"));
    const gone = await readUntilKey(changes, "a", "delete");
    assert.deepEqual(gone, [{ type: "delete", key: "a", version: third }]);
    await changes.return?.();
  });

  suite.test("what comes after the call is reported, also if next() is called later", async ({ engine }) => {
    await commit(engine, set("a", "before"));
    const changes = engine.watch([{}]);
    const version = await commit(engine, set("a", "after"));
    await commit(engine, set("b"));
    const seen = await readUntilKey(changes, "b");
    assert.deepEqual(brief(seen), ["set a", "set b"]);
    assert.equal(seen[0]!.version, version);
    await changes.return?.();
  });

  suite.test("a watch of ranges reports what changes in any of them, and nothing else", async ({ engine }) => {
    const changes = engine.watch([{ key: "a" }, { prefix: "p/" }, { start: "x", end: "z" }]);
    for (const key of ["aa", "A", "a", "p", "p/1", "p0", "w", "x", "y", "z", "zz"]) await commit(engine, set(key));
    await commit(engine, set("p/end"));
    assert.deepEqual(brief(await readUntilKey(changes, "p/end")), ["set a", "set p/1", "set x", "set y", "set p/end"]);
    await changes.return?.();
  });

  suite.test("a delete of what is not there is no change", async ({ engine }) => {
    const changes = engine.watch([{}]);
    await commit(engine, remove("a"));
    await commit(engine, remove("a"), set("b"));
    assert.deepEqual(brief(await readUntilKey(changes, "b")), ["set b"]);
    await changes.return?.();
  });

  suite.test("a commit whose checks failed is no change", async ({ engine }) => {
    const changes = engine.watch([{}]);
    await engine.commit({ checks: [{ key: "x", version: 1 }], mutations: [set("a")] });
    await commit(engine, set("b"));
    assert.deepEqual(brief(await readUntilKey(changes, "b")), ["set b"]);
    await changes.return?.();
  });

  suite.test(
    "a watch sees what another handle writes, in the order of versions, the latest state of each key included",
    async ({ engine, other }) => {
      const changes = engine.watch([{ prefix: "k" }]);
      const write = async (handle: typeof engine, name: string) => {
        for (let i = 0; i < 100; i++) await commit(handle, set(`k${name}${i % 3}`, String(i)), set(`other${i}`));
      };
      const writing = Promise.all([write(engine, "a"), write(other, "b")]);
      const latest = new Map<string, unknown>();
      let last = 0;
      const done = readUntil(changes, (seen) => {
        for (const change of seen.slice(-6)) if (change.type === "set") latest.set(change.key, change.entry.value);
        return latest.get("ka0") === "99" && latest.get("kb0") === "99";
      });
      await writing;
      for (const { version } of await done) {
        assert.ok(version >= last, `${version} after ${last}`);
        last = version;
      }
      await changes.return?.();
    },
    { another: true },
  );

  suite.test("a slow reader of a busy key gets its latest state", async ({ engine }) => {
    const changes = engine.watch([{ key: "busy" }]);
    for (let i = 0; i <= 300; i++) await commit(engine, set("busy", String(i)));
    await readUntil(changes, (seen) => {
      const last = seen.at(-1);
      return last?.type === "set" && last.entry.value === "300";
    });
    await commit(engine, remove("busy"));
    await readUntilKey(changes, "busy", "delete");
    await changes.return?.();
  });

  suite.test(
    "each of several watches gets the change",
    async ({ engine, other }) => {
      const all = [engine, other, engine].map((handle) => handle.watch([{ prefix: "a" }]));
      const waiting = all.map((changes) => readUntilKey(changes, "a1"));
      await commit(engine, set("a1"));
      for (const seen of await Promise.all(waiting)) assert.deepEqual(brief(seen), ["set a1"]);
      for (const changes of all) await changes.return?.();
    },
    { another: true },
  );
}
