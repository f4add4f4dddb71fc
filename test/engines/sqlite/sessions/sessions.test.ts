import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { openSqliteEngine } from "../../../../src/engines/sqlite/engine.ts";
import { openStoreSync } from "../../../../src/index.ts";
import { ended, kill, message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { nothingRemains, remainsOf } from "./remains.ts";

const TENANT = path.join(import.meta.dirname, "tenant.ts");
const PROCESSES = 8;

test("what killed processes had goes at once for those who watch, and nothing is left behind", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const engine = await openSqliteEngine(file);
  const watch = engine.watch([{ prefix: "tenant " }], {});
  const tenants = Array.from({ length: PROCESSES }, () => start(t, TENANT, file));
  const expected = new Set(await Promise.all(tenants.map((tenant) => message<string>(tenant))));
  for (const tenant of tenants) tenant.kill("SIGKILL");
  for await (const changes of watch) {
    for (const { type, key } of changes) if (type === "delete") expected.delete(key);
    if (expected.size === 0) break;
  }
  assert.equal((await engine.list({ prefix: "tenant " })).entries.length, 0);
  await engine.close();
  await nothingRemains(file);
});

test("a reader that watches nothing never gets a value of a dead owner", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = openStoreSync(file);
  t.after(() => store.close());
  for (let trial = 0; trial < 5; trial++) {
    const tenant = start(t, TENANT, file);
    const key = await message<string>(tenant);
    assert.equal(store.getValue(key), "here");
    await kill(tenant);
    assert.equal(store.getValue(key), undefined);
    assert.deepEqual(store.keys("tenant "), []);
    assert.equal(store.createValue(key, "mine"), true);
    store.deleteValue(key);
  }
});

test("a worker thread that is terminated is dead, and its process is not", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const engine = await openSqliteEngine(file);
  const own = await engine.openSession();
  await engine.commit({ mutations: [{ type: "set", key: "own", value: "here", session: own.id }] });
  for (let trial = 0; trial < 5; trial++) {
    const worker = new Worker(TENANT, { workerData: file });
    const key = await new Promise<string>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    assert.equal((await engine.get(key))?.value, "here");
    const watch = engine.watch([{ key }], {});
    await worker.terminate();
    const { value: changes } = await watch.next();
    assert.deepEqual(
      changes.map(({ type, key }: { type: string; key: string }) => [type, key]),
      [["delete", key]],
    );
    await watch.return?.();
  }
  assert.equal((await engine.get("own"))?.value, "here");
  assert.equal(own.signal.aborted, false);
  await engine.close();
  await nothingRemains(file);
});

test("a session that was closed takes no entry of another handle's, and its engine goes on watching", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const [engine, other] = await Promise.all([openSqliteEngine(file), openSqliteEngine(file)]);
  const watch = engine.watch([{ key: "watched" }], {});
  for (const turn of ["the first, which shares the engine's own", "a later one"]) {
    const session = await engine.openSession();
    const set = { type: "set", key: turn, value: "here", session: session.id } as const;
    await other.commit({ mutations: [set] });
    await session.close();
    assert.equal(await other.get(turn), undefined);
    await assert.rejects(async () => other.commit({ mutations: [set] }), { code: "ERR_STORE_SESSION_LOST" }, turn);
    await other.commit({ mutations: [{ type: "set", key: "watched", value: turn }] });
    const { value: changes } = await watch.next();
    assert.equal(changes[0].entry.value, turn);
  }
  await Promise.all([engine.close(), other.close()]);
  await nothingRemains(file);
});

test("a process that is stopped, or whose event loop is blocked, keeps its session", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const store = openStoreSync(file);
  t.after(() => store.close());
  const tenant = start(t, TENANT, file);
  const key = await message<string>(tenant);
  tenant.kill("SIGSTOP");
  for (let i = 0; i < 20; i++) {
    assert.equal(store.getValue(key), "here");
    assert.equal(store.createValue(key, "mine"), false);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
  }
  tenant.kill("SIGCONT");
  await kill(tenant);
  assert.equal(store.createValue(key, "mine"), true);
});

test("an engine closes although its file, or the folder, has gone, and makes no new one", async (t) => {
  for (const gone of ["file", "folder"]) {
    const folder = path.join(temporaryFolder(t), "inner");
    fs.mkdirSync(folder);
    const file = path.join(folder, "store.db");
    const engine = await openSqliteEngine(file);
    const session = await engine.openSession();
    await engine.commit({ mutations: [{ type: "set", key: "k", value: "v", session: session.id }] });
    fs.rmSync(gone === "file" ? file : folder, { recursive: true });
    await engine.close();
    assert.equal(fs.existsSync(file), false);
    assert.ok(session.signal.aborted);
  }
});

test("many engines with sessions in one process are no leak of listeners", async (t) => {
  const folder = temporaryFolder(t);
  const before = process.listenerCount("exit");
  const engines = await Promise.all(
    Array.from({ length: 15 }, (_, i) => openSqliteEngine(path.join(folder, `${i}.db`))),
  );
  await Promise.all(engines.map((engine) => engine.openSession()));
  assert.ok(process.listenerCount("exit") <= before + 1);
  await Promise.all(engines.map((engine) => engine.close()));
  assert.equal(process.listenerCount("exit"), before);
});

const PROGRAMS: Readonly<Record<string, string>> = {
  "has watched and closed its watch": `
    const watch = engine.watch([{ key: "k" }]);
    setTimeout(() => engine.commit({ mutations: [{ type: "set", key: "k", value: "v" }] }), 10);
    await watch.next(); await watch.return();`,
  "never closed its session": `
    const session = await engine.openSession();
    await engine.commit({ mutations: [{ type: "set", key: "k", value: "v", session: session.id }] });`,
  "calls process.exit() with a wait pending": `
    const session = await engine.openSession();
    await engine.commit({ mutations: [{ type: "set", key: "k", value: "v", session: session.id }] });
    engine.watch([{ prefix: "" }]).next();
    setTimeout(() => process.exit(), 20);`,
  "closes with waits pending": `
    const waits = [engine.watch([{ key: "k" }]).next(), engine.watch([{ prefix: "" }]).next()];
    const session = await engine.openSession();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await engine.close();
    const ends = await Promise.allSettled(waits);
    if (ends.some(({ status, reason }) => status !== "rejected" || reason.code !== "ERR_STORE_CLOSED")) process.exitCode = 1;
    if (!session.signal.aborted) process.exitCode = 2;`,
};

for (const [what, body] of Object.entries(PROGRAMS))
  test(`a program that ${what} ends by itself and leaves nothing behind`, async (t) => {
    const file = path.join(temporaryFolder(t), "store.db");
    const module = new URL("../../../../src/engines/sqlite/engine.ts", import.meta.url).href;
    const program = `const { openSqliteEngine } = await import(${JSON.stringify(module)});
      const engine = await openSqliteEngine(${JSON.stringify(file)});${body}`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended(child);
    clearTimeout(late);
    assert.deepEqual([child.exitCode, child.signalCode], [0, null]);
    assert.deepEqual(remainsOf(file), []);
  });
