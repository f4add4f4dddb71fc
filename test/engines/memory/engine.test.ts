import assert from "node:assert/strict";
import * as childProcess from "node:child_process";
import * as path from "node:path";
import test from "node:test";
import type { Change } from "../../../src/engine/entry.ts";
import { memoryEngine } from "../../../src/engines/memory/engine.ts";

test("handles of one name share the data until the last is closed; unnamed ones are private", async () => {
  const a = memoryEngine("shared");
  const b = memoryEngine("shared");
  const c = memoryEngine();
  await a.commit({ mutations: [{ type: "set", key: "k", value: "v" }] });
  assert.equal((await b.get("k"))?.value, "v");
  assert.equal(await c.get("k"), undefined);
  await a.close();
  assert.equal((await b.get("k"))?.value, "v");
  await b.close();
  const d = memoryEngine("shared");
  assert.equal(await d.get("k"), undefined);
  await d.close();
  await c.close();
});

test("a watch resumes from what is held, and says when it is not", async () => {
  const engine = memoryEngine(undefined, { history: 2 });
  const { version } = await engine.commit({ mutations: [{ type: "set", key: "a", value: "" }] });
  for (const key of ["a", "b", "c"]) {
    await engine.commit({ mutations: [{ type: "set", key, value: "" }] });
    await engine.commit({ mutations: [{ type: "delete", key }] });
  }
  const lost = engine.watch([{}], { from: version });
  await assert.rejects(() => lost.next(), { code: "ERR_STORE_HISTORY_LOST" });
  assert.deepEqual(await lost.next(), { done: true, value: undefined });
  const held = engine.watch([{}], { from: version + 2 });
  assert.deepEqual(
    ((await held.next()).value as Change[]).map(({ type, key }) => [type, key]),
    [
      ["delete", "b"],
      ["delete", "c"],
    ],
  );
  await engine.close();
});

test("a pending watch keeps the process alive, an idle one and a time to live do not", () => {
  const engine = path.join(import.meta.dirname, "../../../src/engines/memory/engine.ts");
  const run = (code: string) =>
    childProcess.spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { memoryEngine } from ${JSON.stringify(engine)};
         const engine = memoryEngine();
         engine.commit({ mutations: [{ type: "set", key: "a", value: "", ttl: 300 }] });
         const watch = engine.watch([{}]);
         ${code}`,
      ],
      { encoding: "utf8", timeout: 20_000 },
    );
  // The time to live ends while the pending watch keeps the process: the delete arrives.
  assert.equal(run("const { value } = await watch.next(); console.log(value[0].type);").stdout, "delete\n");
  const started = performance.now();
  assert.equal(run("setTimeout(() => console.log('late'), 20_000).unref();").status, 0);
  assert.ok(performance.now() - started < 15_000);
});
