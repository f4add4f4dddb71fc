import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import cluster from "node:cluster";
import type { EventEmitter } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { openStoreSync } from "ipctools";
import { start } from "./callers.ts";

const SETTER = path.join(import.meta.dirname, "setter.ts");
const hasCluster = !("Deno" in globalThis);

test("child processes, cluster workers, worker threads and other programs share, and end by themselves", async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const file = path.join(folder, "store.db");
  const env = { ...process.env, IPCTOOLS_STORE: file };

  const programs: Record<string, () => EventEmitter> = {
    "child 1": () => start(t, "setter.ts", ["child 1"], { IPCTOOLS_STORE: file }),
    "child 2": () => start(t, "setter.ts", ["child 2"], { IPCTOOLS_STORE: file }),
    "thread 1": () => new Worker(SETTER, { workerData: "thread 1", env }),
    "thread 2": () => new Worker(SETTER, { workerData: "thread 2", env }),
    "program 1": () => spawn(process.execPath, [...process.execArgv, SETTER, "program 1"], { env, stdio: "inherit" }),
    "program 2": () => spawn(process.execPath, [...process.execArgv, SETTER, "program 2"], { env, stdio: "inherit" }),
  };
  const inCluster = (name: string) => () => {
    cluster.setupPrimary({ exec: SETTER, args: [name] });
    return cluster.fork({ IPCTOOLS_STORE: file });
  };
  if (hasCluster) Object.assign(programs, { "cluster 1": inCluster("cluster 1"), "cluster 2": inCluster("cluster 2") });

  const endings = Object.entries(programs).map(async ([name, begin]) => {
    const program = begin();
    const [status] = await new Promise<unknown[]>((resolve, reject) => {
      program.once("error", reject);
      program.once("exit", (...ending) => resolve(ending));
    });
    assert.equal(status, 0, `${name} ended with ${status}`);
  });
  await Promise.all(endings);

  const store = openStoreSync(file);
  t.after(() => store.close());
  for (const name of Object.keys(programs)) assert.equal(store.getValue(`set by ${name}`), name);
  assert.equal(store.getValue("elected"), store.getValue("leader"));
});
