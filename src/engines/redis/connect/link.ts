import { StoreError } from "../../../errors.ts";
import { formatAddress } from "../../../location/address.ts";
import { JoinedSignal } from "../../../wait/joined-signal.ts";
import { channelBase, keyBase } from "../protocol/names.ts";
import { SCRIPTS } from "../protocol/scripts.ts";
import type { Argument, Reply } from "../protocol/wire.ts";
import type { RedisClient, RedisModule } from "./client.ts";
import type { RedisLocation } from "./location.ts";
import { judgeReply } from "./redis-error.ts";
import type { Route } from "./route.ts";
import { checkServer, readInfo, type ServerFacts } from "./server-check.ts";

/** How long one attempt to connect may take, handshake and all, in milliseconds. */
const LONGEST_OPENING = 3000;

/**
 * One connection's life, from connecting until it is lost; then comes another one. The client's own reconnecting and its
 * queue for the time in between are off: what was sent on a connection that broke must not be sent again by itself, and a
 * call must end at its own time-out.
 */
export class Link {
  readonly client: RedisClient;
  readonly address: string;
  readonly facts: ServerFacts;
  /** Whether commands can be sent. */
  alive = true;
  /** Calls that wait for a reply. */
  #waiting = 0;
  /** Of these, what makes one that may be sent again go to another connection. */
  readonly #movable = new Set<() => void>();
  #isRetired = false;
  /** Commands that the server has not answered, also where nobody waits any more. */
  #unanswered = 0;
  #asked = 0;
  #heard = 0;
  readonly #options: object;

  private constructor(client: RedisClient, address: string, facts: ServerFacts, options: object) {
    this.client = client;
    this.address = address;
    this.facts = facts;
    this.#options = options;
  }

  /**
   * Connects to where the route leads; rejects after 3 s, and when `closing` is aborted. `lost` is called once when the
   * connection, once made, ends.
   */
  static async open(
    module: RedisModule,
    route: Route,
    location: RedisLocation,
    lost: () => void,
    closing: AbortSignal,
  ): Promise<Link> {
    const hint = location.tls ? " (if it does not speak TLS, the location begins with redis:)" : "";
    const late = new AbortController();
    const giveUp = () => late.abort(new Error(`no connection in ${LONGEST_OPENING} ms${hint}`));
    const timer = setTimeout(giveUp, LONGEST_OPENING).unref();
    const ended = new JoinedSignal([closing, late.signal]);
    try {
      return await Link.#open(module, route, location, lost, ended.signal);
    } catch (error) {
      ended.signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      ended[Symbol.dispose]();
    }
  }

  static async #open(
    module: RedisModule,
    route: Route,
    location: RedisLocation,
    lost: () => void,
    signal: AbortSignal,
  ): Promise<Link> {
    const address = await route.resolve(LONGEST_OPENING, signal);
    const name = formatAddress(address);
    const client = module.createClient({
      // The client's own `destroy` does not reach a socket that is not yet connected; its signal does.
      socket: { ...address, ...route.socketOptions(), reconnectStrategy: false, signal },
      ...(location.username !== undefined && { username: location.username }),
      ...(location.password !== undefined && { password: location.password }),
      ...(location.database !== 0 && { database: location.database }),
      name: "ipctools",
      RESP: 2,
      disableOfflineQueue: true,
      maintNotifications: "disabled",
      commandOptions: { timeout: 0 },
    }) as unknown as RedisClient;
    // A server that speaks another protocol makes an error event, and no end of the handshake.
    let protocolError: Error | undefined;
    client.on("error", (error: Error) => {
      if (!error.message.startsWith("Unknown RESP type")) return;
      protocolError = error;
      client.destroy();
    });
    // A connection keeps no process alive; the timer of a call that waits for its reply does.
    client.unref();
    try {
      await client.connect();
      // Again: where a name's first address did not answer, the socket is another one.
      client.unref();
      const options = { typeMapping: { [module.RESP_TYPES.BLOB_STRING]: Buffer } };
      const facts = readInfo(String(await client.sendCommand(["INFO"])));
      checkServer(facts, name, location.evictable);
      if (facts.role === "slave") throw new Error(`${name} is a replica, which takes no writes`);
      const link = new Link(client, name, facts, options);
      const base = keyBase(location.prefix);
      const hello = [base, channelBase(location), "0", "hello", facts.replid];
      await link.send(["EVAL", SCRIPTS.control.text, "1", `${base}meta`, ...hello]);
      const ended = () => {
        if (!link.alive) return;
        link.alive = false;
        lost();
      };
      client.once("terminated", ended);
      client.once("end", ended);
      if (!client.isReady) throw new Error(`${name} closed the connection`);
      return link;
    } catch (error) {
      client.destroy();
      throw translate(module, route, protocolError ?? error, name, location.safe, protocolError !== undefined);
    }
  }

  /** For how long it has had a question and no answer to any, in milliseconds. */
  get silence(): number {
    return this.#unanswered === 0 ? 0 : performance.now() - Math.max(this.#asked, this.#heard);
  }

  send(args: readonly Argument[]): Promise<Reply> {
    if (this.#unanswered++ === 0) this.#asked = performance.now();
    const reply = this.client.sendCommand<Reply>(args as Argument[], this.#options);
    const heard = () => {
      this.#unanswered--;
      this.#heard = performance.now();
    };
    reply.then(heard, heard);
    return reply;
  }

  /** Told of every call that waits here; `move`, if it may be sent again, makes it go elsewhere. Returns what ends that. */
  enter(move?: () => void): () => void {
    this.#waiting++;
    if (move) this.#movable.add(move);
    return () => {
      this.#waiting--;
      if (move) this.#movable.delete(move);
      if (this.#isRetired && this.#waiting === 0) this.destroy();
    };
  }

  /** Another connection takes over: calls that may be sent again go there, the others are waited for. */
  retire(): void {
    this.#isRetired = true;
    for (const move of [...this.#movable]) move();
    if (this.#waiting === 0) this.destroy();
  }

  /** Resolves once what is published on the channels comes in; a server that is silent for 3 s has ended the connection. */
  async subscribe(channels: readonly string[], listener: (text: Buffer) => void): Promise<void> {
    const timer = setTimeout(() => this.destroy(), LONGEST_OPENING).unref();
    try {
      await this.client.subscribe([...channels], listener, true);
    } finally {
      clearTimeout(timer);
    }
  }

  async unsubscribe(channels: readonly string[], listener: (text: Buffer) => void): Promise<void> {
    await this.client.unsubscribe([...channels], listener, true);
  }

  /** Ends it: whatever waits for a reply is rejected. */
  destroy(): void {
    this.client.destroy();
  }
}

/** Errors that another attempt would meet again are `StoreError`s; whatever else comes back is worth one. */
function translate(
  module: RedisModule,
  route: Route,
  error: unknown,
  name: string,
  store: string,
  foreign: boolean,
): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  if (foreign)
    return new StoreError("ERR_STORE_INCOMPATIBLE_SERVER", `${name} is no Redis server: ${error.message}`, {
      cause: error,
    });
  if (error instanceof module.ErrorReply) {
    const outcome = judgeReply(error, name, store);
    if (outcome.kind === "error") return outcome.error;
    if (outcome.kind === "elsewhere" && outcome.port !== undefined) {
      const host = outcome.host || name.slice(0, name.lastIndexOf(":"));
      route.redirect({ host, port: outcome.port });
    } else route.failed();
    return error;
  }
  route.failed();
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_/.test(code))
    return new StoreError("ERR_STORE_AUTHENTICATION", `The certificate of ${name} is not accepted: ${error.message}`, {
      cause: error,
    });
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|ERR_SSL_/.test(code))
    return new StoreError("ERR_STORE_INCOMPATIBLE_SERVER", `${name} does not speak TLS: ${error.message}`, {
      cause: error,
    });
  if (route.tls === undefined && (code === "ECONNRESET" || error instanceof module.SocketClosedUnexpectedlyError))
    return new Error(`${error.message} (if it speaks TLS, the location begins with rediss:)`, { cause: error });
  return error;
}
