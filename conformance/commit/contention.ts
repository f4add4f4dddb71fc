import assert from "node:assert/strict";
import type { Engine } from "ipctools";
import type { Suite } from "../suite.ts";
import { commit, entryOf, holds, set } from "./writing.ts";

export function contention(suite: Suite): void {
  suite.test(
    "of many that create one key at once, exactly one succeeds",
    async ({ engine, other }) => {
      for (let round = 0; round < 20; round++) {
        const key = `key ${round}`;
        const tries = Array.from({ length: 10 }, (_, i) =>
          holds(i % 2 ? engine : other, { checks: [{ key, version: 0 }], mutations: [set(key, String(i))] }),
        );
        const won = (await Promise.all(tries)).flatMap((ok, i) => (ok ? [i] : []));
        assert.equal(won.length, 1);
        assert.equal((await entryOf(engine, key)).value, String(won[0]));
      }
    },
    { another: true },
  );

  suite.test(
    "no update is lost when several count with compare-and-set",
    async ({ engine, other }) => {
      await commit(engine, set("n", "0"));
      const count = async (handle: Engine) => {
        for (let done = 0; done < 25; ) {
          const { value, version } = await entryOf(handle, "n");
          const next = set("n", String(Number(value) + 1));
          if (await holds(handle, { checks: [{ key: "n", version }], mutations: [next] })) done++;
        }
      };
      await Promise.all([count(engine), count(other), count(engine), count(other)]);
      assert.equal((await entryOf(engine, "n")).value, "100");
    },
    { another: true },
  );

  suite.test(
    "a listing never shows half a commit",
    async ({ engine, other }) => {
      let writing = true;
      const write = async () => {
        for (let i = 0; i < 50; i++) await commit(other, set("a", String(i)), set("b", String(i)));
        writing = false;
      };
      const read = async () => {
        while (writing) {
          const { entries } = await engine.list({});
          assert.equal(new Set(entries.map(({ value }) => value)).size <= 1, true);
          assert.equal(entries.length === 0 || entries.length === 2, true);
        }
      };
      await Promise.all([write(), read()]);
    },
    { another: true },
  );
}
