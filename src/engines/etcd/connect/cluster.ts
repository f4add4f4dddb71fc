import type * as grpc from "@grpc/grpc-js";
import { closedError, outcomeUnknownError, unavailableError } from "../../../engine/standard-errors.ts";
import { StoreError } from "../../../errors.ts";
import { backoff } from "../../../wait/backoff.ts";
import { pause } from "../../../wait/pause.ts";
import { CallLimit } from "./call-limit.ts";
import { type ClientModule, loadClient } from "./client-module.ts";
import { Connection, type WatchStream } from "./connection.ts";
import {
  type CallFailure,
  finalError,
  incompatible,
  isAuthenticationOff,
  isCallFailure,
  judge,
  notConnected,
} from "./etcd-error.ts";
import type { EtcdLocation } from "./location.ts";
import type { CallName, Calls, Response, ResponseHeader, StatusResponse } from "./protocol.ts";

/**
 * Reads and writes under way at once. etcd refuses writes when some thousands wait to be applied, and so many calls at once
 * keep a process too busy to take answers in.
 */
const MOST_CALLS = 256;

/** What an unanswered call that may be repeated waits before it asks another member, or again on another connection. */
const IMPATIENCE = 1500;
const NO_CONNECTION = "no connection";
/** Bounds of the pause between two attempts, in milliseconds. */
export const SHORTEST_PAUSE = 20;
export const LONGEST_PAUSE = 1000;

export interface CallOptions {
  /** In milliseconds. Default: the location's. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether a call whose fate is unknown may be made again. Default true. */
  readonly repeatable?: boolean;
  /** Whether it keeps the process alive. Default true. */
  readonly keepAlive?: boolean;
}

/** The failure of a call about which etcd itself said that nothing was done, for those who tell its kinds apart. */
export class Refusal extends Error {
  readonly failure: Error & CallFailure;

  constructor(failure: Error & CallFailure) {
    super(failure.details);
    this.failure = failure;
  }
}

/**
 * The members of a cluster, as one server: calls go to one member until it fails or falls silent, then to the next. What
 * may be repeated is repeated until its time is over; a write is sent once.
 */
export class Cluster {
  readonly location: EtcdLocation;
  /** The newest version that was seen. */
  version = 0;
  /** Called with each answer, before whoever waits for it hears of it. */
  onAnswer: () => void = () => {};
  readonly #module: ClientModule;
  readonly #connections: readonly Connection[];
  readonly #limit = new CallLimit(MOST_CALLS);
  #current: number;
  #metadata: grpc.Metadata;
  #token: Promise<void> | undefined;
  #authenticated = false;
  #id: string | undefined;
  #closed = false;

  static async open(location: EtcdLocation): Promise<Cluster> {
    return new Cluster(location, await loadClient());
  }

  private constructor(location: EtcdLocation, module: ClientModule) {
    this.location = location;
    this.#module = module;
    this.#connections = location.endpoints.map((endpoint) => new Connection(module, endpoint, location.tls));
    this.#current = Math.floor(Math.random() * this.#connections.length);
    this.#metadata = this.#newMetadata();
  }

  /**
   * Makes a call. Throws `Refusal` if etcd refused it, `ERR_STORE_UNAVAILABLE` if it was not done, and
   * `ERR_STORE_OUTCOME_UNKNOWN` if it was sent, is not repeatable and was not answered. Reads and writes beyond those that may
   * be under way wait for their turn; what keeps a lease waits for nobody.
   */
  async call<Name extends CallName>(
    name: Name,
    request: Calls[Name][0],
    options: CallOptions = {},
  ): Promise<Calls[Name][1]> {
    if (!name.startsWith("KV.")) return this.#make(name, request, options);
    const { signal, keepAlive = true, timeout = this.location.timeout } = options;
    signal?.throwIfAborted();
    const mayRun = this.#limit.start({ timeout, signal, keepAlive });
    if (mayRun !== true && !(await mayRun))
      throw unavailableError(this.location.shown, timeout, `${MOST_CALLS} calls before this one got no answer`);
    let answered = false;
    try {
      const response = await this.#make(name, request, options);
      answered = true;
      return response;
    } catch (error) {
      answered = error instanceof Refusal;
      throw error;
    } finally {
      this.#limit.finish(answered);
    }
  }

  async #make<Name extends CallName>(
    name: Name,
    request: Calls[Name][0],
    options: CallOptions,
  ): Promise<Calls[Name][1]> {
    const { signal, repeatable = true, keepAlive = true, timeout = this.location.timeout } = options;
    const begun = performance.now();
    const method = this.#module.method(name);
    const left = () => timeout - (performance.now() - begun);
    let why = "";
    for (let tries = 0; ; tries++) {
      signal?.throwIfAborted();
      if (this.#closed) throw this.#closedError();
      const connection = this.#connections[this.#current]!;
      const others = this.#connections.length > 1;
      const asked = performance.now();
      const patience = tries === 0 || (others && tries < this.#connections.length) ? IMPATIENCE : Infinity;
      let sent = false;
      let metadata = this.#metadata;
      try {
        if (
          connection.stands ||
          (await connection.ready(Math.max(0, Math.min(left(), others ? IMPATIENCE : Infinity))))
        ) {
          signal?.throwIfAborted();
          const asksForToken = name === "Auth.Authenticate";
          if (this.location.credentials && !asksForToken) await this.#authenticate(left());
          sent = true;
          const wait = Math.max(1, repeatable ? Math.min(left(), patience) : left());
          metadata = asksForToken ? this.#newMetadata() : this.#metadata;
          const response = await connection.call(method, request, metadata, { timeout: wait, signal, keepAlive });
          this.#heard((response as Response).header, connection);
          return response as Calls[Name][1];
        }
        why = `${connection.address}: ${NO_CONNECTION}`;
      } catch (error) {
        if (this.#closed && !sent) throw this.#closedError();
        if (!isCallFailure(error)) throw error;
        this.onAnswer();
        why = `${connection.address}: ${error.details}`;
        const verdict = judge(error);
        if (verdict === "token" && this.location.credentials && name !== "Auth.Authenticate" && tries < 3) {
          if (metadata === this.#metadata) this.forgetToken();
          continue;
        }
        if (verdict === "final" || verdict === "token") throw new Refusal(error);
        if (verdict === "unknown") {
          // Whoever has answered nobody for so long is taken for dead, and what else waits for it need not wait longer.
          if (performance.now() - Math.max(asked, connection.heard) >= IMPATIENCE - 1) connection.drop();
          if (!repeatable) {
            this.#turnFrom(connection);
            throw this.#closed ? this.#closedError() : outcomeUnknownError(this.location.shown, why, error);
          }
        }
      }
      this.#turnFrom(connection);
      if (left() <= 0) throw await this.#unavailable(connection, why, timeout);
      const wait = backoff(tries, SHORTEST_PAUSE, LONGEST_PAUSE);
      await pause(Math.min(Math.max(0, left()), wait), { signal, keepAlive });
    }
  }

  /** The same for a caller who has no use for the kinds of refusal. */
  async ask<Name extends CallName>(
    name: Name,
    request: Calls[Name][0],
    options?: CallOptions,
  ): Promise<Calls[Name][1]> {
    try {
      return await this.call(name, request, options);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** A refusal as the contract's error; any other error as it is. */
  explain(error: unknown): unknown {
    return error instanceof Refusal ? finalError(error.failure, this.location.shown) : error;
  }

  /** The watch stream of a member that is connected, with what ends it; `undefined` if none can be had now. */
  async watch(): Promise<{ stream: WatchStream; drop(): void } | undefined> {
    const connection = this.#connections[this.#current]!;
    const turn = () => {
      connection.drop();
      this.#turnFrom(connection);
    };
    try {
      if (await connection.ready(IMPATIENCE)) {
        await this.#authenticate(IMPATIENCE);
        return { stream: connection.watch(this.#module.method("Watch.Watch"), this.#metadata), drop: turn };
      }
    } catch (error) {
      // A wrong password does not mend itself.
      if (error instanceof StoreError && error.code === "ERR_STORE_AUTHENTICATION") throw error;
    }
    this.#turnFrom(connection);
    return undefined;
  }

  /** What each endpoint says of itself; of those that do not answer, what went wrong. */
  status(): Promise<((StatusResponse & { readonly latency: number }) | Error)[]> {
    const method = this.#module.method("Maintenance.Status");
    return Promise.all(
      this.#connections.map(async (connection) => {
        try {
          if (!(await connection.ready(IMPATIENCE))) return new Error(await connection.whyNot(method));
          const begun = performance.now();
          const wait = { timeout: IMPATIENCE, keepAlive: true };
          const response = (await connection.call(method, {}, this.#metadata, wait)) as StatusResponse;
          return { ...response, latency: performance.now() - begun };
        } catch (error) {
          return error as Error;
        }
      }),
    );
  }

  /** Takes note of what an answer says of the cluster. */
  #heard(header: ResponseHeader | null, connection: Connection): void {
    this.onAnswer();
    connection.heard = performance.now();
    if (!header) return;
    this.sawVersion(Number(header.revision));
    const id = header.cluster_id;
    if (id === "0") return;
    this.#id ??= id;
    if (this.#id !== id)
      throw incompatible(
        `The endpoint ${connection.address} belongs to another etcd cluster (${id}) than the one that was met first (${this.#id}). Name endpoints of one cluster only`,
      );
  }

  sawVersion(version: number): void {
    if (version > this.version) this.version = version;
  }

  /** The next call asks for a new token first. */
  forgetToken(): void {
    this.#authenticated = false;
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
    this.#limit.startAll();
  }

  #newMetadata(token?: string): grpc.Metadata {
    const metadata = new this.#module.grpc.Metadata();
    // A member that has lost its leader answers so at once, instead of hiding it.
    metadata.set("hasleader", "true");
    if (token) metadata.set("token", token);
    return metadata;
  }

  async #authenticate(timeout: number): Promise<void> {
    const { credentials } = this.location;
    if (!credentials || this.#authenticated) return;
    this.#token ??= (async () => {
      try {
        const { token } = await this.call("Auth.Authenticate", credentials, { timeout });
        this.#metadata = this.#newMetadata(token);
      } catch (error) {
        // Who gives a password to a server that asks for none is let in, as everybody is.
        if (!(error instanceof Refusal && isAuthenticationOff(error.failure))) throw this.explain(error);
        this.#metadata = this.#newMetadata();
      }
      this.#authenticated = true;
    })().finally(() => {
      this.#token = undefined;
    });
    await this.#token;
  }

  #turnFrom(connection: Connection): void {
    if (this.#connections[this.#current] === connection) this.#current = (this.#current + 1) % this.#connections.length;
  }

  #closedError(): StoreError {
    return closedError("store", this.location.shown);
  }

  async #unavailable(connection: Connection, why: string, timeout: number): Promise<StoreError> {
    if (!why.endsWith(NO_CONNECTION)) return unavailableError(this.location.shown, timeout, why);
    const reason = await connection.whyNot(this.#module.method("Maintenance.Status"));
    return notConnected(this.location, `${connection.address}: ${reason}`, timeout);
  }
}
