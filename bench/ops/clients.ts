import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { now } from "../timing.ts";

const PER_PROCESS = 250;
/** Clients that one process opens at once. */
const AT_ONCE = 10;

/** Ticks of the kernel's clock in a second, in which /proc counts. */
const TICKS = 100;

export const clients: Operation = {
  name: "clients",
  title: "What clients cost that only wait",
  about:
    "So many clients with the default settings, each of which holds a lock and watches a key that nobody sets: the server's memory for one of them, the time that the server's processor works for one of them in each second, and the time that its own does.",
  figures: { "server's memory, kB": "", "server's processor, µs/s": "", "own processor, µs/s": "" },
  needs: "idle",
  reference: "",
  sizes: { what: "clients", values: [100, 1000], quick: [10] },
  mostRounds: 1,
  async run(trial) {
    const { size, duration, servers, peer } = trial;
    const server = servers.pids![peer.server as "redis" | "etcd"]!;
    const crew = new Crew(trial, { ...clients, name: `${peer.server}-${clients.name}` });
    try {
      const empty = memory(server);
      const mates = await crew.start("clients", Math.ceil(size / PER_PROCESS));
      await sleep(1000);
      const own = async () =>
        (await Promise.all(mates.map((mate) => mate.ask<number>("load")))).reduce((a, b) => a + b);
      const [ticks, before, begun] = [processor(server), await own(), now()];
      await sleep(duration * 50);
      const spent = (now() - begun) / 1e6;
      return {
        "server's memory, kB": (memory(server) - empty) / 1024 / size,
        "server's processor, µs/s": ((processor(server) - ticks) / TICKS / spent / size) * 1e6,
        "own processor, µs/s": ((await own()) - before) / spent / size,
      };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async clients({ subject, size }, { index, tell, told }) {
      const first = index * PER_PROCESS;
      for (let n = first; n < Math.min(size, first + PER_PROCESS); n += AT_ONCE) {
        const some = Math.min(AT_ONCE, size - n);
        await Promise.all(Array.from({ length: some }, (_, more) => subject.idle!(`client-${n + more}`)));
      }
      tell("ready");
      for (;;) {
        await told();
        const { user, system } = process.cpuUsage();
        tell(user + system);
      }
    },
  },
};

/** What a process has in memory, in bytes. */
function memory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

/** How long it has run, in the kernel's ticks. */
function processor(pid: number): number {
  const fields = fs
    .readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
