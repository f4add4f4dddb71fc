import { closedError, outcomeUnknownError, unavailableError } from "../../../engine/standard-errors.ts";
import { StoreError } from "../../../errors.ts";
import { backoff } from "../../../wait/backoff.ts";
import { JoinedSignal } from "../../../wait/joined-signal.ts";
import { pause } from "../../../wait/pause.ts";
import { unlessAborted } from "../../../wait/unless-aborted.ts";
import { scriptKeys } from "../protocol/names.ts";
import { SCRIPTS, type Scripts } from "../protocol/scripts.ts";
import type { Argument, Reply } from "../protocol/wire.ts";
import type { RedisModule } from "./client.ts";
import { Link } from "./link.ts";
import type { RedisLocation } from "./location.ts";
import { judgeReply, reasonOf } from "./redis-error.ts";
import type { Route } from "./route.ts";

export interface CallOptions {
  /** In milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether the call keeps the process alive. Default `true`. */
  readonly keepAlive?: boolean;
  /** Whether a call that was sent and not answered may have changed something. */
  readonly mutates?: boolean;
}

/** What all connections of an engine have in common. */
export interface Server {
  readonly module: RedisModule;
  readonly location: RedisLocation;
  readonly route: Route;
}

/** When a call's time is up and the server has not answered anything for so long (ms), another connection takes over. */
const SILENCE = 1000;
/** Pauses between two attempts to connect, and to call, in milliseconds. */
const SHORTEST_PAUSE = 25;
const LONGEST_PAUSE = 1000;
const LONGEST_CALL_PAUSE = 500;

const TIMED_OUT = Symbol();
const TAKEN_OVER = Symbol();

/**
 * Calls to the server, each with a time-out: connects when something is to be sent, again after a loss (with growing, jittered
 * pauses), and follows where a cluster or sentinels lead. A call that was not sent, or that the server says it did not
 * carry out, is tried again until its time is up (`ERR_STORE_UNAVAILABLE`); one that only reads, also after a lost
 * connection; one that changes something and whose answer did not come is `ERR_STORE_OUTCOME_UNKNOWN`.
 */
export class Connection {
  readonly #server: Server;
  /** Called when a connection that was made has been lost. */
  readonly #lost: () => void;
  #link: Link | undefined;
  /** The one in use, and those that others took over from while calls wait for their answers. */
  readonly #links = new Set<Link>();
  #opening: Promise<Link> | undefined;
  #failures = 0;
  #notBefore = 0;
  readonly #closing = new AbortController();

  constructor(server: Server, lost: () => void = () => {}) {
    this.#server = server;
    this.#lost = lost;
  }

  /** The server's address, for messages. */
  get #name(): string {
    return `Redis at ${this.#server.route.current}`;
  }

  /** Runs a script; `args` follow its keys. */
  run(which: keyof Scripts, args: readonly Argument[], options: CallOptions): Promise<Reply> {
    const keys = scriptKeys(this.#server.location.prefix);
    return this.#call((whole) => {
      const script = SCRIPTS[which];
      return [whole ? "EVAL" : "EVALSHA", whole ? script.text : script.sha, `${keys.length}`, ...keys, ...args];
    }, options);
  }

  call(args: readonly Argument[], options: CallOptions): Promise<Reply> {
    return this.#call(() => args, options);
  }

  async #call(argsFor: (whole: boolean) => readonly Argument[], options: CallOptions): Promise<Reply> {
    const deadline = performance.now() + options.timeout;
    let whole = false;
    for (let attempt = 0; ; ) {
      const link = this.#link ?? (await this.connected(options, deadline));
      let error: unknown;
      try {
        return await within(link.send(argsFor(whole)), deadline - performance.now(), options, link);
      } catch (failure) {
        error = failure;
      }
      options.signal?.throwIfAborted();
      if (error === TAKEN_OVER) continue;
      if (error === TIMED_OUT) {
        if (link.silence >= SILENCE) this.#leave(link);
        if (options.mutates) throw outcomeUnknownError(this.#name, `within ${options.timeout} ms`);
        throw this.#unavailable(options.timeout);
      }
      const { module, route, location } = this.#server;
      if (error instanceof module.ErrorReply) {
        const outcome = judgeReply(error, this.#name, location.safe);
        if (outcome.kind === "error") throw outcome.error;
        if (outcome.kind === "script") {
          whole = true;
          continue;
        }
        if (outcome.kind === "elsewhere" && this.#link === link) {
          if (outcome.port !== undefined)
            route.redirect({
              host: outcome.host || route.current.slice(0, route.current.lastIndexOf(":")),
              port: outcome.port,
            });
          else route.failed();
          this.#leave(link);
        }
      } else if (this.#closing.signal.aborted) {
        throw this.#closing.signal.reason;
      } else if (!(error instanceof module.ClientOfflineError || error instanceof module.ClientClosedError)) {
        // The connection broke with the call on its way.
        if (!(error instanceof module.DisconnectsClientError) && link.alive) link.destroy();
        if (options.mutates) throw outcomeUnknownError(this.#name, reasonOf(error), error);
      } else if (link.alive) {
        link.destroy();
      }
      const milliseconds = backoff(attempt++, SHORTEST_PAUSE, LONGEST_CALL_PAUSE);
      if (performance.now() + milliseconds >= deadline) throw this.#unavailable(options.timeout, error);
      await pause(milliseconds, options);
    }
  }

  /** The connection, once there is one. Rejects with `ERR_STORE_UNAVAILABLE` at the deadline, at once with what another try would meet again. */
  async connected(options: CallOptions, deadline = performance.now() + options.timeout): Promise<Link> {
    let cause: unknown;
    for (;;) {
      this.#closing.signal.throwIfAborted();
      if (this.#link) return this.#link;
      options.signal?.throwIfAborted();
      this.#opening ??= this.#open();
      try {
        return await within(this.#opening, deadline - performance.now(), options);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof StoreError) throw error;
        if (error === TIMED_OUT) throw this.#unavailable(options.timeout, cause);
        cause = error;
      }
      if (performance.now() >= deadline) throw this.#unavailable(options.timeout, cause);
    }
  }

  async #open(): Promise<Link> {
    try {
      const left = this.#notBefore - performance.now();
      const { signal } = this.#closing;
      if (left > 0) await pause(left, { keepAlive: false, signal });
      const { module, route, location } = this.#server;
      const lost = () => {
        if (this.#link === link) this.#link = undefined;
        this.#links.delete(link);
        if (!signal.aborted) this.#lost();
      };
      const link: Link = await Link.open(module, route, location, lost, signal);
      if (signal.aborted) {
        link.destroy();
        throw signal.reason;
      }
      if (link.alive) {
        this.#link = link;
        this.#links.add(link);
      }
      this.#failures = 0;
      this.#notBefore = 0;
      return link;
    } catch (error) {
      this.#notBefore = performance.now() + backoff(this.#failures++, SHORTEST_PAUSE, LONGEST_PAUSE);
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  #unavailable(timeout: number, cause?: unknown): StoreError {
    return unavailableError(this.#name, timeout, cause === undefined ? undefined : reasonOf(cause), cause);
  }

  /** Another connection is made for the calls to come. */
  #leave(link: Link): void {
    if (this.#link === link) this.#link = undefined;
    link.retire();
  }

  close(): void {
    this.#closing.abort(closedError("store", this.#server.location.safe));
    for (const link of [...this.#links]) link.destroy();
  }
}

/**
 * Settles as the promise does, or rejects with `TIMED_OUT` or the signal's reason. The wait keeps the process alive by default.
 * A call that waits at a link and changes nothing is rejected with `TAKEN_OVER` when another link takes over.
 */
async function within<T>(
  promise: Promise<T>,
  timeout: number,
  { signal, keepAlive = true, mutates = false }: CallOptions,
  link?: Link,
): Promise<T> {
  const end = new AbortController();
  // In a process that stood still, the answer may have come meanwhile. Before an immediate, what has come is read.
  const timer = setTimeout(() => setImmediate(() => end.abort(TIMED_OUT)), Math.max(0, timeout));
  if (!keepAlive) timer.unref();
  const leave = link?.enter(mutates ? undefined : () => end.abort(TAKEN_OVER));
  const joined = signal && new JoinedSignal([signal, end.signal]);
  try {
    return await unlessAborted(promise, joined?.signal ?? end.signal);
  } finally {
    clearTimeout(timer);
    joined?.[Symbol.dispose]();
    leave?.();
  }
}
