import { type Address, formatAddress } from "../../../location/address.ts";
import type { TlsFiles } from "../../../location/tls-files.ts";
import type { RedisModule } from "./client.ts";
import type { RedisLocation } from "./location.ts";

/**
 * Which server to connect to: the addresses of the location in turn; where a server of a cluster names another one, that;
 * with sentinels, what they say is the primary now (the procedure of Redis's "Guidelines for Redis clients with support for
 * Sentinel": ask at every connection). All connections of one engine share it.
 */
export class Route {
  readonly #module: RedisModule;
  readonly #location: RedisLocation;
  readonly #addresses: Address[];
  #redirect: Address | undefined;
  readonly tls: TlsFiles | undefined;
  /** The server of the newest connection, `host:port`. */
  current: string;

  constructor(module: RedisModule, location: RedisLocation) {
    this.#module = module;
    this.#location = location;
    this.#addresses = [...location.addresses];
    this.tls = location.tls;
    this.current = this.#addresses.map(formatAddress).join(",");
  }

  /** May take so long, in milliseconds; rejects when the signal is aborted. */
  async resolve(timeout: number, signal: AbortSignal): Promise<Address> {
    let address = this.#redirect ?? this.#addresses[0]!;
    if (this.#location.master !== undefined) address = await this.#askSentinels(this.#location.master, timeout, signal);
    this.current = formatAddress(address);
    return address;
  }

  /** Another server is the right one. */
  redirect(address: Address): void {
    this.#redirect = address;
  }

  /** The server that `resolve` named cannot be used: try another one next. */
  failed(): void {
    if (this.#redirect) this.#redirect = undefined;
    else this.#addresses.push(this.#addresses.shift()!);
  }

  async #askSentinels(name: string, timeout: number, signal: AbortSignal): Promise<Address> {
    let cause: unknown;
    for (const sentinel of [...this.#addresses]) {
      try {
        const found = await this.#askSentinel(sentinel, name, timeout / this.#addresses.length, signal);
        if (found) return found;
        cause = new Error(`sentinel ${formatAddress(sentinel)} knows no primary of the name ${name}`);
      } catch (error) {
        signal.throwIfAborted();
        cause = error;
      }
      this.#addresses.push(this.#addresses.shift()!);
    }
    throw cause;
  }

  async #askSentinel(
    sentinel: Address,
    name: string,
    timeout: number,
    signal: AbortSignal,
  ): Promise<Address | undefined> {
    const { sentinelUsername, sentinelPassword } = this.#location;
    const giving = new AbortController();
    const giveUp = () => giving.abort();
    const client = this.#module.createClient({
      socket: { ...sentinel, ...this.socketOptions(), reconnectStrategy: false, signal: giving.signal },
      ...(sentinelUsername !== undefined && { username: sentinelUsername }),
      ...(sentinelPassword !== undefined && { password: sentinelPassword }),
      RESP: 2,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: "disabled",
    });
    client.on("error", () => {});
    client.unref();
    const timer = setTimeout(giveUp, timeout).unref();
    signal.addEventListener("abort", giveUp);
    try {
      await client.connect();
      const reply = await client.sendCommand<string[] | null>(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]);
      return reply ? { host: reply[0]!, port: Number(reply[1]) } : undefined;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      client.destroy();
    }
  }

  socketOptions(): { readonly tls?: true } & TlsFiles {
    return this.tls ? { tls: true, ...this.tls } : {};
  }
}
