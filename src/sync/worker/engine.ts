import type { MessagePort, Worker } from "node:worker_threads";
import type { EngineCapabilities } from "../../engine/capabilities.ts";
import type { Commit, CommitResult, EngineInfo, Listing, SyncEngine } from "../../engine/contract.ts";
import type { Entry, Space, Value } from "../../engine/entry.ts";
import type { RangeRead } from "../../engine/range.ts";
import { StoreError } from "../../errors.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import {
  ANSWERS,
  type Answer,
  type Calls,
  type Failure,
  PENDING,
  type Request,
  SHARED_BYTES,
  TO_TYPESCRIPT,
} from "./messages.ts";

/** How long an answer may be on its way from the worker after the engine's own time-out, in milliseconds. */
const GRACE = 500;

/** What says that an answer to a read, or to a write, did not come. */
const LATE = {
  read: ["ERR_STORE_UNAVAILABLE", "did not answer"],
  write: [
    "ERR_STORE_OUTCOME_UNKNOWN",
    "did not answer: whether the write was made is not known. Read before writing again",
  ],
} as const;

/**
 * The blocking API's engine over a server: blocking calls on a client that answers later. One worker thread owns the client and
 * does what it is asked; the caller sleeps (`Atomics.wait`) until the answer is there or its time is over. The thread keeps
 * no process alive, and ends with it. Errors are the engine's own; a write whose answer did not come at all is
 * `ERR_STORE_OUTCOME_UNKNOWN`.
 */
export function openBlockingEngine(location: { readonly engine: "etcd" | "redis"; readonly url: string }): SyncEngine {
  return new BlockingEngine(location.engine, location.url);
}

class BlockingEngine implements SyncEngine {
  readonly name: string;
  readonly #url: string;
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  #thread: { readonly worker: Worker; readonly port: MessagePort } | undefined;
  #capabilities: EngineCapabilities | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(name: string, url: string) {
    this.name = name;
    this.#url = url;
  }

  get capabilities(): EngineCapabilities {
    this.#capabilities ??= this.#call("capabilities", [], DEFAULT_TIMEOUT, "read");
    return this.#capabilities;
  }

  getValue(key: string): Value | undefined {
    return this.#call("getValue", [key], DEFAULT_TIMEOUT, "read");
  }

  setValue(key: string, value: Value, timeout: number = DEFAULT_TIMEOUT): void {
    this.commit({ mutations: [{ type: "set", key, value }] }, { timeout });
  }

  get(key: string, space?: Space): Entry | undefined {
    return this.#call("get", [key, space], DEFAULT_TIMEOUT, "read");
  }

  list(range: RangeRead): Listing {
    return this.#call("list", [range], DEFAULT_TIMEOUT, "read");
  }

  commit(commit: Commit, options?: { readonly timeout?: number }): CommitResult {
    const timeout = checkTimeout(options?.timeout ?? DEFAULT_TIMEOUT);
    return this.#call("commit", [commit], timeout, commit.mutations?.length ? "write" : "read");
  }

  info(): EngineInfo {
    return this.#call("info", [], DEFAULT_TIMEOUT, "read");
  }

  close(): void {
    if (this.#isClosed) return;
    if (this.#thread !== undefined) {
      try {
        this.#call("close", [], GRACE, "read");
      } catch {
        // It is ended below, whatever it does.
      }
      void this.#thread.worker.terminate();
    }
    this.#isClosed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #call<Name extends keyof Calls>(
    name: Name,
    args: Parameters<Calls[Name]>,
    timeout: number,
    kind: keyof typeof LATE,
  ): ReturnType<Calls[Name]> {
    if (this.#isClosed) throw new StoreError("ERR_STORE_CLOSED", "the store was closed: open it again");
    this.#thread ??= this.#start();
    const { port } = this.#thread;
    const id = ++this.#lastId;
    const deadline = performance.now() + timeout + GRACE;
    Atomics.store(this.#shared, PENDING, id);
    port.postMessage({ id, name, args, timeout } satisfies Request);
    const { receiveMessageOnPort } = workerThreads();
    for (;;) {
      // Read before the port is looked at: an answer that comes in between ends the sleep at once.
      const seen = Atomics.load(this.#shared, ANSWERS);
      const answer = receiveMessageOnPort(port)?.message as Answer | undefined;
      // An answer that came too late for an earlier call is nobody's.
      if (answer !== undefined && answer.id !== id) continue;
      if (answer?.failure !== undefined) throw errorOf(answer.failure);
      if (answer !== undefined) return answer.result as ReturnType<Calls[Name]>;
      const left = deadline - performance.now();
      if (left <= 0) {
        // Taken back before the thread had begun with it: then nothing can have happened.
        const isTakenBack = Atomics.compareExchange(this.#shared, PENDING, id, 0) === id;
        const [code, what] = LATE[isTakenBack ? "read" : kind];
        throw new StoreError(code, `the ${this.name} store ${what} (within ${Math.round(timeout)} ms)`);
      }
      Atomics.wait(this.#shared, ANSWERS, seen, left);
    }
  }

  #start() {
    const { Worker, MessageChannel } = workerThreads();
    const { port1, port2 } = new MessageChannel();
    const extension = TO_TYPESCRIPT.test(import.meta.url) ? "ts" : "js";
    const worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), {
      workerData: { url: this.#url, port: port2, shared: this.#shared },
      transferList: [port2],
      // What belongs to the main program (`--eval`, `--test` …) is not for the thread.
      execArgv: process.execArgv.filter((argument) => /^--(experimental-|no-|disable-warning)/.test(argument)),
    });
    worker.unref();
    port1.unref();
    return { worker, port: port1 };
  }
}

/** Loaded when it is needed: most programs use a file. */
function workerThreads(): typeof import("node:worker_threads") {
  return process.getBuiltinModule("node:worker_threads");
}

function errorOf({ type, code, message }: Failure): Error {
  if (type === "StoreError") return new StoreError(code as StoreError["code"], message);
  const error =
    type === "TypeError"
      ? new TypeError(message)
      : type === "RangeError"
        ? new RangeError(message)
        : new Error(message);
  return code === undefined ? error : Object.assign(error, { code });
}
