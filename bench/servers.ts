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
  /** The processes of the servers. */
  readonly pids?: { readonly redis?: number; readonly etcd?: number };
}

/** Private servers on free ports of the loopback, their data in a folder. */
export class PrivateServers {
  readonly #running: ChildProcess[] = [];

  async start(wanted: ReadonlySet<keyof Servers>, folder: string): Promise<Servers> {
    const servers: { -readonly [name in keyof Servers]: Servers[name] } = {};
    const pids: { redis?: number; etcd?: number } = {};
    servers.pids = pids;
    if (wanted.has("redis")) {
      const port = await freePort();
      const words = `--port ${port} --bind 127.0.0.1 --save --appendonly no --dir ${folder}`.split(" ");
      words.splice(words.indexOf("--save") + 1, 0, "");
      const pid = await this.#run("redis-server", words, port);
      if (pid !== undefined) {
        servers.redis = `127.0.0.1:${port}`;
        pids.redis = pid;
      }
    }
    if (wanted.has("etcd")) {
      const [port, peerPort] = [await freePort(), await freePort()];
      const url = `http://127.0.0.1:${port}`;
      const peerUrl = `http://127.0.0.1:${peerPort}`;
      const words = ["--name", "bench", "--data-dir", path.join(folder, "etcd"), "--log-level", "error"];
      words.push("--listen-client-urls", url, "--advertise-client-urls", url);
      words.push("--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl);
      words.push("--initial-cluster", `bench=${peerUrl}`);
      const pid = await this.#run("etcd", words, port);
      if (pid !== undefined) {
        servers.etcd = `127.0.0.1:${port}`;
        pids.etcd = pid;
      }
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

  /** The id of the program's process once it answers on its port; `undefined` if the program is not there. */
  async #run(program: string, words: string[], port: number): Promise<number | undefined> {
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
      if (await answers(port)) return server.pid;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#running.pop();
    return undefined;
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
