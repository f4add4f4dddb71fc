import { workerData } from "node:worker_threads";
import type { Commit, Engine } from "../../engine/contract.ts";
import type { Space } from "../../engine/entry.ts";
import type { RangeRead } from "../../engine/range.ts";
import { notInitializedError, unavailableError } from "../../engine/standard-errors.ts";
import { Deadline } from "../../wait/deadline.ts";
import { ANSWERS, type Answer, type Calls, type Failure, PENDING, type Request, type Start } from "./messages.ts";

/*
 * The thread that owns the client of a blocking engine. It answers one request after the other has begun: none waits for
 * one that hangs.
 */
const { location, port, shared } = workerData as Start;
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
  if (location.engine === "etcd")
    return await (await import("../../engines/etcd/engine.ts")).openEtcdEngine(location.url);
  return await (await import("../../engines/redis/engine.ts")).openRedisEngine(location.url);
}

/** Throws if nothing was ever set. Asked only where nothing was found. */
async function assertInitialized(): Promise<void> {
  if (isInitialized) return;
  const info = await (await engine()).info();
  if (!info.initialized) throw notInitializedError(info.location);
  isInitialized = true;
}

interface Asked {
  readonly id: number;
  readonly deadline: Deadline;
}

const calls: { [Name in keyof Calls]: (args: readonly unknown[], asked: Asked) => Promise<unknown> } = {
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
  async commit([commit], { id, deadline }) {
    const opened = await deadline.within(engine());
    const { mutations } = commit as Commit;
    // The caller has taken the write back and does not listen any more.
    if (mutations?.length && Atomics.compareExchange(shared, PENDING, id, 0) !== id) return undefined;
    return await opened.commit(commit as Commit, { timeout: Math.max(1, deadline.remaining) });
  },
  async info() {
    return await (await engine()).info();
  },
  async close() {
    await (await opening)?.close();
  },
};

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { type: "Error", message: String(error) };
  const { code } = error as { code?: string };
  return { type: error.name, code, message: error.message };
}

async function answer({ id, name, args, timeout }: Request): Promise<Answer> {
  const deadline = new Deadline({ timeout }, name);
  try {
    const work = calls[name](args, { id, deadline });
    return { id, result: await (name === "commit" ? work : deadline.within(work)) };
  } catch (error) {
    // The deadline bounds the reads, and a commit only before it is sent: nothing was written.
    const isLate = error === deadline.signal.reason;
    return {
      id,
      failure: failureOf(isLate ? unavailableError(`the ${location.engine} store`, timeout, undefined) : error),
    };
  } finally {
    deadline[Symbol.dispose]();
  }
}

port.on("message", async (request: Request) => {
  port.postMessage(await answer(request));
  Atomics.add(shared, ANSWERS, 1);
  Atomics.notify(shared, ANSWERS);
});
