import { setTimeout as sleep } from "node:timers/promises";
import { type TcpProxy, tcpProxy } from "../fixtures/servers/tcp-proxy.ts";
import { randomNumbers } from "./history/simulation.ts";

export interface FaultCounts {
  cuts: number;
  stalls: number;
  pauses: number;
  kills: number;
}

/** A server that can be broken and mended. */
export interface Server {
  readonly port: number;
  start(): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Servers behind proxies, in which something breaks all the time, but never so much that it cannot go on in the end. */
export class DisturbedServers {
  readonly #servers: readonly Server[];
  readonly #proxies: readonly TcpProxy[];
  readonly faults: FaultCounts = { cuts: 0, stalls: 0, pauses: 0, kills: 0 };

  private constructor(servers: readonly Server[], proxies: readonly TcpProxy[]) {
    this.#servers = servers;
    this.#proxies = proxies;
  }

  static async of(servers: readonly Server[]): Promise<DisturbedServers> {
    return new DisturbedServers(servers, await Promise.all(servers.map(({ port }) => tcpProxy(port))));
  }

  /** `host:port,host:port…` of the proxies. */
  get addresses(): string {
    return this.#proxies.map(({ host, port }) => `${host}:${port}`).join(",");
  }

  /** Breaks one thing after another, each for up to so many milliseconds, until `over`. */
  async disturb(seed: number, outage: number, over: Promise<unknown>): Promise<void> {
    const random = randomNumbers(seed);
    let going = true;
    const stop = () => {
      going = false;
    };
    over.then(stop, stop);
    while (going) {
      await sleep(300 + random() * 500);
      const at = Math.floor(random() * this.#servers.length);
      const [server, proxy] = [this.#servers[at]!, this.#proxies[at]!];
      const kind = Math.floor(random() * 6);
      if (kind <= 1) {
        this.faults.cuts++;
        proxy.cut();
      } else if (kind <= 3) {
        this.faults.stalls++;
        proxy.stall(kind === 2 ? "down" : undefined);
        await sleep((0.2 + 0.8 * random()) * outage);
        proxy.heal();
      } else if (kind === 4) {
        this.faults.pauses++;
        server.pause();
        await sleep((0.2 + 0.8 * random()) * outage);
        server.resume();
      } else {
        this.faults.kills++;
        await server.kill();
        await sleep(random() * outage);
        await server.start();
      }
    }
  }

  async stop(): Promise<void> {
    for (const proxy of this.#proxies) await proxy.close();
    for (const server of this.#servers) await server.stop();
  }
}
