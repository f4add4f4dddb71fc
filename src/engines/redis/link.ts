import { StoreError } from "../../errors.ts";
import { channelBase } from "./channels.ts";
import type { RedisClient, RedisModule } from "./client.ts";
import type { RedisLocation } from "./location.ts";
import { judgeReply } from "./redis-error.ts";
import { format, type Route } from "./route.ts";
import { SCRIPTS } from "./scripts.ts";
import { checkServer, readInfo, type ServerFacts } from "./server-check.ts";

export type Argument = string | Buffer;
/** A reply of the server; texts come as bytes. */
export type Reply = number | null | Buffer | Reply[];

/** How long one attempt to connect may take, handshake and all, in milliseconds. */
const CONNECT_TIMEOUT = 3000;

/**
 * One connection's life, from connecting until it is lost; then comes another one. The client's own reconnecting and its
 * queue for the time in between are off: what was sent on a connection that broke must not be sent again by itself, and a
 * call must end at its own time-out.
 */
export class Link {
  readonly client: RedisClient;
  readonly address: string;
  readonly facts: ServerFacts;
  /** When the server was last heard of, in milliseconds as of `performance.now()`. */
  heard = performance.now();
  /** Whether commands can be sent. */
  alive = true;
  readonly #options: object;

  private constructor(client: RedisClient, address: string, facts: ServerFacts, options: object) {
    this.client = client;
    this.address = address;
    this.facts = facts;
    this.#options = options;
  }

  /** Connects to where the route leads; rejects after 3 s. `lost` is called once when the connection, once made, ends. */
  static async open(module: RedisModule, route: Route, location: RedisLocation, lost: () => void): Promise<Link> {
    const started = performance.now();
    const address = await route.resolve(CONNECT_TIMEOUT);
    const name = format(address);
    const client = module.createClient({
      socket: { ...address, ...route.socketOptions(), connectTimeout: CONNECT_TIMEOUT, reconnectStrategy: false },
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
    const timer = setTimeout(() => client.destroy(), Math.max(1, CONNECT_TIMEOUT - (performance.now() - started)));
    try {
      await client.connect();
      const options = { typeMapping: { [module.RESP_TYPES.BLOB_STRING]: Buffer } };
      const facts = readInfo(String(await client.sendCommand(["INFO"])));
      checkServer(facts, name, location.evictable);
      if (facts.role === "slave") throw new Error(`${name} is a replica, which takes no writes`);
      const link = new Link(client, name, facts, options);
      const base = `{${location.prefix}}:`;
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
      throw translate(module, route, protocolError ?? error, name, protocolError !== undefined);
    } finally {
      clearTimeout(timer);
    }
  }

  send(args: readonly Argument[]): Promise<Reply> {
    return this.client.sendCommand<Reply>(args as Argument[], this.#options);
  }

  /** Resolves once what is published on the channels comes in; a server that is silent for 3 s has ended the connection. */
  async subscribe(channels: readonly string[], listener: (text: Buffer) => void): Promise<void> {
    const timer = setTimeout(() => this.destroy(), CONNECT_TIMEOUT).unref();
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
function translate(module: RedisModule, route: Route, error: unknown, name: string, foreign: boolean): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  if (foreign)
    return new StoreError("ERR_STORE_INCOMPATIBLE_SERVER", `${name} is no Redis server: ${error.message}`, {
      cause: error,
    });
  if (error instanceof module.ErrorReply) {
    const outcome = judgeReply(error, name);
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
  return error;
}
