import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";

/** What is running beside the benchmark; left out is what was not found. */
export interface Servers {
  /** Address of a Redis server, `127.0.0.1:port`. */
  readonly redis?: string;
  /** Address of an etcd server, `127.0.0.1:port`. */
  readonly etcd?: string;
  /** The Python to use. */
  readonly python?: string;
}

/** Private servers on free ports of the loopback, their data in a folder. */
export class PrivateServers {
  readonly #running: ChildProcess[] = [];

  async start(wanted: ReadonlySet<keyof Servers>, folder: string): Promise<Servers> {
    const servers: { -readonly [name in keyof Servers]: Servers[name] } = {};
    if (wanted.has("redis")) {
      const port = await freePort();
      const words = `--port ${port} --bind 127.0.0.1 --save --appendonly no --dir ${folder}`.split(" ");
      words.splice(words.indexOf("--save") + 1, 0, "");
      if (await this.#run("redis-server", words, port)) servers.redis = `127.0.0.1:${port}`;
    }
    if (wanted.has("etcd")) {
      const [port, peerPort] = [await freePort(), await freePort()];
      const url = `http://127.0.0.1:${port}`;
      const peerUrl = `http://127.0.0.1:${peerPort}`;
      const words = ["--name", "bench", "--data-dir", path.join(folder, "etcd"), "--log-level", "error"];
      words.push("--listen-client-urls", url, "--advertise-client-urls", url);
      words.push("--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl);
      words.push("--initial-cluster", `bench=${peerUrl}`);
      if (await this.#run("etcd", words, port)) servers.etcd = `127.0.0.1:${port}`;
    }
    return servers;
  }

  async stop(): Promise<void> {
    for (const server of this.#running) {
      if (server.exitCode !== null || server.signalCode !== null) continue;
      const ended = once(server, "exit");
      server.kill("SIGTERM");
      await ended;
    }
  }

  /** Whether the program is there and answers on its port. */
  async #run(program: string, words: string[], port: number): Promise<boolean> {
    const server = spawn(program, words, { stdio: "ignore" });
    let isThere = true;
    server.on("error", () => {
      isThere = false;
    });
    server.on("exit", () => {
      isThere = false;
    });
    this.#running.push(server);
    while (isThere) {
      if (await answers(port)) return true;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#running.pop();
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Whether a folder is on a file system in memory: its figures are no disk's. */
export function fileSystemOf(folder: string): string {
  if (process.platform !== "linux") return "unknown file system";
  const types: Record<number, string> = { 61267: "ext4", 16914836: "tmpfs", 1481003842: "xfs", 2435016766: "btrfs" };
  types[2035054128] = "overlayfs";
  const { type } = fs.statfsSync(folder);
  return types[type] ?? `file system of type 0x${type.toString(16)}`;
}
