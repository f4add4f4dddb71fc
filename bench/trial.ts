import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Figures, Member, Trial } from "./operation.ts";
import { operations } from "./ops/index.ts";
import type { Peer } from "./peer.ts";
import { peers } from "./peers/index.ts";
import type { Task } from "./task.ts";

/*
 * A process of one trial: `trial.ts TASK`, forked by main.ts (which gets the figures) or by a crew (which gets what the
 * role tells).
 */

const task = JSON.parse(process.argv[2]!) as Task;
const operation = operations.find(({ name }) => name === task.operation)!;
const peer = peers.find(({ name }) => name === task.peer)!;

if (peer.python !== undefined) process.send!({ figures: pythonTrial(peer) });
else {
  const trial: Trial = { ...task, peer, subject: (await peer.open?.(task)) ?? {} };
  if (task.role === undefined) process.send!({ figures: await operation.run(trial) });
  else await operation.roles![task.role]!(trial, member(task.index!));
  await trial.subject.close?.();
}
process.disconnect();

function pythonTrial({ python }: Peer): Figures {
  const program = fileURLToPath(new URL("python/trial.py", import.meta.url));
  const words = [program, python!, operation.name, task.folder, String(task.duration / 1000)];
  const { status, stdout, stderr } = spawnSync(task.servers.python!, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const [spent, processor] = stdout.split(" ").map(Number) as [number, number];
  return { "per call": spent, processor };
}

function member(index: number): Member {
  const messages: unknown[] = [];
  let waiting: ((message: unknown) => void) | undefined;
  process.on("message", ({ told }: { told: unknown }) => {
    if (waiting === undefined) messages.push(told);
    else waiting(told);
    waiting = undefined;
  });
  return {
    index,
    tell: (message) => void process.send!({ told: message }),
    async told<T>() {
      if (messages.length > 0) return messages.shift() as T;
      return (await new Promise<unknown>((resolve) => {
        waiting = resolve;
      })) as T;
    },
  };
}
