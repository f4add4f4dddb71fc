import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import type { Servers } from "./servers.ts";

/** What a process of a trial is started with. With a role it is a member of a crew. */
export interface Task {
  readonly operation: string;
  readonly peer: string;
  readonly folder: string;
  readonly servers: Servers;
  readonly duration: number;
  readonly size: number;
  readonly role?: string;
  readonly index?: number;
}

/** Starts a process of a trial. The program is named by its path, because it imports the operations, which start crews. */
export function forkTask(task: Task, options?: ForkOptions): ChildProcess {
  return fork(new URL("trial.ts", import.meta.url), [JSON.stringify(task)], { ...options, serialization: "advanced" });
}
