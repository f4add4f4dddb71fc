import { workerData } from "node:worker_threads";
import type { Commit, Engine } from "../../engine/contract.ts";
import type { Space } from "../../engine/entry.ts";
import type { RangeRead } from "../../engine/range.ts";
import { StoreError } from "../../errors.ts";
import { ANSWERS, type Answer, type Calls, type Failure, PENDING, type Request, type Start } from "./messages.ts";

/*
 * The thread that owns the client of a blocking engine. It answers one request after the other has begun: none waits for
 * one that hangs.
 */
const { url, port, shared } = workerData as Start;
let opening: Promise<Engine> | undefined;
let isInitialized = false;

function engine(): Promise<Engine> {
  opening ??= open().catch((error) => {
    opening = undefined;
    throw error;
  });
  return opening;
}

async function open(): Promise<Engine> {
  if (/^etcd/i.test(url)) return await (await import("../../engines/etcd/engine.ts")).openEtcdEngine(url);
  return await (await import("../../engines/redis/engine.ts")).openRedisEngine(url);
}

/** Throws if nothing was ever set. Asked only where nothing was found. */
async function assertInitialized(): Promise<void> {
  isInitialized ||= (await (await engine()).info()).initialized;
  if (!isInitialized)
    throw new StoreError(
      "ERR_STORE_NOT_INITIALIZED",
      "the store has not been initialized yet: no value was ever set. Set one first, or check IPCTOOLS_STORE",
    );
}

const calls: { [Name in keyof Calls]: (args: readonly unknown[], request: Request) => Promise<unknown> } = {
  async capabilities() {
    return (await engine()).capabilities;
  },
  async getValue([key]) {
    const entry = await (await engine()).get(key as string);
    if (entry === undefined) await assertInitialized();
    return entry?.value;
  },
  async get([key, space]) {
    const entry = await (await engine()).get(key as string, space as Space | undefined);
    if (entry === undefined) await assertInitialized();
    return entry;
  },
  async list([range]) {
    const listing = await (await engine()).list(range as RangeRead);
    if (listing.entries.length === 0) await assertInitialized();
    return listing;
  },
  async commit([commit], { id, timeout }) {
    const begun = performance.now();
    const opened = await patiently(engine(), timeout);
    const left = Math.max(1, timeout - (performance.now() - begun));
    if (Atomics.compareExchange(shared, PENDING, id, 0) !== id) throw unavailable(timeout);
    return await opened.commit(commit as Commit, { timeout: left });
  },
  async info() {
    return await (await engine()).info();
  },
  async close() {
    await (await opening)?.close();
  },
};

/** What cannot have changed anything yet has a plain end to its time. */
async function patiently<T>(work: Promise<T>, timeout: number): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    over.reject(unavailable(timeout));
  }, timeout);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(timeout: number): StoreError {
  return new StoreError("ERR_STORE_UNAVAILABLE", `the store did not answer within ${Math.round(timeout)} ms`);
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { type: "Error", message: String(error) };
  const { code } = error as { code?: string };
  return { type: error.name, code, message: error.message };
}

async function answer(request: Request): Promise<Answer> {
  const { id, name, args, timeout } = request;
  try {
    const work = calls[name](args, request);
    return { id, result: await (name === "commit" ? work : patiently(work, timeout)) };
  } catch (error) {
    return { id, failure: failureOf(error) };
  }
}

port.on("message", async (request: Request) => {
  port.postMessage(await answer(request));
  Atomics.add(shared, ANSWERS, 1);
  Atomics.notify(shared, ANSWERS);
});
