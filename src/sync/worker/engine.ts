import type { MessagePort, Worker } from "node:worker_threads";
import type { EngineCapabilities } from "../../engine/capabilities.ts";
import type { Commit, CommitResult, EngineInfo, Listing, SyncEngine } from "../../engine/contract.ts";
import type { Entry, Space, Value } from "../../engine/entry.ts";
import type { RangeRead } from "../../engine/range.ts";
import { closedError, outcomeUnknownError, unavailableError } from "../../engine/standard-errors.ts";
import { StoreError, type StoreErrorCode } from "../../errors.ts";
import { checkTimeout, DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import {
  ANSWERS,
  type Answer,
  type Calls,
  type Failure,
  PENDING,
  type Request,
  type ServerLocation,
  SHARED_BYTES,
  type Start,
} from "./messages.ts";

/** How long an answer may be on its way from the worker after the engine's own time-out, in milliseconds. */
const GRACE = 500;

/**
 * The blocking API's engine over a server: blocking calls on a client that answers later. One worker thread owns the client and
 * does what it is asked; the caller sleeps (`Atomics.wait`) until the answer is there or its time is over. The thread keeps
 * no process alive, and ends with it. Errors are the engine's own; a write whose answer did not come at all is
 * `ERR_STORE_OUTCOME_UNKNOWN`.
 */
export function openBlockingEngine(location: ServerLocation): SyncEngine {
  return new BlockingEngine(location);
}

class BlockingEngine implements SyncEngine {
  readonly name: string;
  readonly #location: ServerLocation;
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  #thread: { readonly worker: Worker; readonly port: MessagePort } | undefined;
  #capabilities: EngineCapabilities | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(location: ServerLocation) {
    this.name = location.engine;
    this.#location = location;
  }

  get capabilities(): EngineCapabilities {
    this.#capabilities ??= this.#call("capabilities", []);
    return this.#capabilities;
  }

  getValue(key: string): Value | undefined {
    return this.#call("getValue", [key]);
  }

  setValue(key: string, value: Value, timeout: number = DEFAULT_TIMEOUT): void {
    this.commit({ mutations: [{ type: "set", key, value }] }, { timeout });
  }

  get(key: string, space?: Space): Entry | undefined {
    return this.#call("get", [key, space]);
  }

  list(range: RangeRead): Listing {
    return this.#call("list", [range]);
  }

  commit(commit: Commit, options?: { readonly timeout?: number }): CommitResult {
    const timeout = checkTimeout(options?.timeout ?? DEFAULT_TIMEOUT);
    return this.#call("commit", [commit], timeout);
  }

  info(): EngineInfo {
    return this.#call("info", []);
  }

  close(): void {
    if (this.#isClosed) return;
    if (this.#thread !== undefined) {
      try {
        this.#call("close", [], GRACE);
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
    timeout: number = DEFAULT_TIMEOUT,
  ): ReturnType<Calls[Name]> {
    if (this.#isClosed) throw closedError("store");
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
        // A read, or a write that is taken back before the thread has sent it.
        const isHarmless = Atomics.compareExchange(this.#shared, PENDING, id, 0) === id;
        const store = `the ${this.name} store`;
        if (isHarmless) throw unavailableError(store, timeout, undefined);
        throw outcomeUnknownError(store, `within ${Math.round(timeout)} ms`);
      }
      Atomics.wait(this.#shared, ANSWERS, seen, left);
    }
  }

  #start() {
    const { Worker, MessageChannel } = workerThreads();
    const { port1, port2 } = new MessageChannel();
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), {
      workerData: { location: this.#location, port: port2, shared: this.#shared } satisfies Start,
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
  if (type === "StoreError") return new StoreError(code as StoreErrorCode, message);
  const error =
    type === "TypeError"
      ? new TypeError(message)
      : type === "RangeError"
        ? new RangeError(message)
        : new Error(message);
  return code === undefined ? error : Object.assign(error, { code });
}
