import type { Command } from "./parse/command.ts";

/** The verbs, in the order of the help, each loaded when it is called. */
export const VERBS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  get: () => import("./commands/get.ts"),
  set: () => import("./commands/set.ts"),
  create: () => import("./commands/create.ts"),
  delete: () => import("./commands/delete.ts"),
  list: () => import("./commands/list.ts"),
  watch: () => import("./commands/watch.ts"),
  wait: () => import("./commands/wait.ts"),
  lock: () => import("./commands/lock.ts"),
  elect: () => import("./commands/elect.ts"),
  once: () => import("./commands/once.ts"),
  locks: () => import("./commands/locks.ts"),
  copy: () => import("./commands/copy.ts"),
  backup: () => import("./commands/backup.ts"),
  info: () => import("./commands/info.ts"),
};
