import * as net from "node:net";
import type * as grpc from "@grpc/grpc-js";
import { type Address, formatAddress } from "../../../location/address.ts";
import type { TlsFiles } from "../../../location/tls-files.ts";
import type { ClientModule, Method } from "./client-module.ts";
import { DEADLINE_EXCEEDED } from "./etcd-error.ts";
import type { WatchRequest, WatchResponse } from "./protocol.ts";

/** Between two tries to connect to one endpoint, in milliseconds: doubled each time. */
const FIRST_BACK_OFF = 100;
const LONGEST_BACK_OFF = 2000;
/** An idle connection is tried with a ping so often; the server's `--grpc-keepalive-min-time` takes no more than one in 5 s. */
const PING_INTERVAL = 10_000;
const PING_TIMEOUT = 5000;

/** A timer that fires so many milliseconds late says that the process was stopped, or very busy. */
export const STANDSTILL = 500;
const GRACE = 100;

export interface CallWait {
  /** Milliseconds until the call is given up with `DEADLINE_EXCEEDED`. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether the call keeps the process alive. */
  readonly keepAlive: boolean;
}

export type WatchStream = grpc.ClientDuplexStream<WatchRequest, WatchResponse>;

/**
 * The channel to one endpoint. Unlike a bare one of `@grpc/grpc-js` it sends a call only on a connection that stands, so
 * that a call that failed for want of one is known not to have been sent; its socket keeps no process alive; and it can be
 * dropped at once when the other side is silent.
 */
export class Connection {
  readonly address: string;
  /** When it last answered a call, in milliseconds as of `performance.now()`. */
  heard = 0;
  readonly #module: ClientModule;
  readonly #client: grpc.Client;
  readonly #sockets = new Set<net.Socket>();

  constructor(module: ClientModule, endpoint: Address, tls: TlsFiles | undefined) {
    const { grpc } = module;
    this.#module = module;
    this.address = formatAddress(endpoint);
    const credentials = tls
      ? grpc.credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null)
      : grpc.credentials.createInsecure();
    this.#tapSockets(credentials);
    this.#client = new grpc.Client(this.address, credentials, {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0,
      "grpc.enable_http_proxy": 0,
      "grpc.service_config_disable_resolution": 1,
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      "grpc.initial_reconnect_backoff_ms": FIRST_BACK_OFF,
      "grpc.max_reconnect_backoff_ms": LONGEST_BACK_OFF,
      "grpc.keepalive_time_ms": PING_INTERVAL,
      "grpc.keepalive_timeout_ms": PING_TIMEOUT,
      ...(tls?.servername !== undefined && {
        "grpc.ssl_target_name_override": tls.servername,
        "grpc.default_authority": tls.servername,
      }),
    });
  }

  /** Whether the connection stands. */
  get stands(): boolean {
    return this.#client.getChannel().getConnectivityState(false) === this.#module.grpc.connectivityState.READY;
  }

  /** Whether the connection stands, or comes to within so many milliseconds. `false` at once if an attempt failed. */
  async ready(timeout: number): Promise<boolean> {
    const { READY, TRANSIENT_FAILURE, SHUTDOWN } = this.#module.grpc.connectivityState;
    const channel = this.#client.getChannel();
    const deadline = Date.now() + timeout;
    for (;;) {
      const state = channel.getConnectivityState(true);
      if (state === READY) return true;
      if (state === TRANSIENT_FAILURE || state === SHUTDOWN) return false;
      const changed = await new Promise<boolean>((resolve) =>
        channel.watchConnectivityState(state, deadline, (error) => resolve(!error)),
      );
      if (!changed) return false;
    }
  }

  /** Why there is no connection, in words. */
  async whyNot(method: Method): Promise<string> {
    if (this.#client.getChannel().getConnectivityState(false) === this.#module.grpc.connectivityState.SHUTDOWN)
      return "closed";
    try {
      await this.call(method, {}, new this.#module.grpc.Metadata(), { timeout: 50, keepAlive: true });
      return "it was too slow";
    } catch (error) {
      const { code, details } = error as { code?: number; details?: string };
      return code === DEADLINE_EXCEEDED ? "the connection did not come about in time" : String(details);
    }
  }

  call(method: Method, request: object, metadata: grpc.Metadata, wait: CallWait): Promise<object> {
    return new Promise((resolve, reject) => {
      const { signal } = wait;
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        (error: Error | null, response?: object) => {
          end();
          if (error) reject(error);
          else resolve(response!);
        },
      );
      const begun = performance.now();
      const late = () => {
        // A process that stood still itself first takes what came meanwhile.
        if (performance.now() - begun > wait.timeout + STANDSTILL) timer = arm(GRACE, giveUp);
        else giveUp();
      };
      const giveUp = () => {
        end();
        const details = `no answer within ${Math.round(performance.now() - begun)} ms`;
        reject(Object.assign(new Error(details), { code: DEADLINE_EXCEEDED, details }));
        call.cancel();
      };
      const arm = (delay: number, then: () => void) => {
        const armed = setTimeout(then, delay);
        return wait.keepAlive ? armed : armed.unref();
      };
      let timer = arm(wait.timeout, late);
      const abort = () => {
        end();
        reject(signal!.reason);
        call.cancel();
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  watch(method: Method, metadata: grpc.Metadata): WatchStream {
    const stream: WatchStream = this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as (bytes: Buffer) => WatchResponse,
      metadata,
    );
    // One that is cancelled before anybody listens ends with an error too.
    return stream.on("error", () => {});
  }

  /** Ends what connection there is: its calls fail, the next call begins another. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#client.close();
    this.drop();
  }

  /**
   * `@grpc/grpc-js` holds the process while any stream is open, and a watch is one that is always open. Calls hold the
   * process by their own timers here, pending `next()`s by theirs, so the socket never has to.
   */
  #tapSockets(credentials: grpc.ChannelCredentials): void {
    interface Connector {
      readonly connectionOptions?: { servername?: string };
      connect(socket: net.Socket): Promise<{ socket: net.Socket }>;
    }
    const hook = credentials as unknown as { _createSecureConnector?: (...args: unknown[]) => Connector };
    const create = hook._createSecureConnector;
    if (typeof create !== "function") return;
    hook._createSecureConnector = (...args) => {
      const connector = create.apply(credentials, args);
      const { connectionOptions } = connector;
      // An address is no name to ask for (RFC 6066); the certificate is compared with the host all the same.
      if (connectionOptions && net.isIP(connectionOptions.servername ?? "")) delete connectionOptions.servername;
      const connect = connector.connect.bind(connector);
      connector.connect = async (plain) => {
        const result = await connect(plain);
        const { socket } = result;
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
        socket.unref();
        socket.ref = () => socket;
        return result;
      };
      return connector;
    };
  }
}
