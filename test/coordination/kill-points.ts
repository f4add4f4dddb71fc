import type { Commit, Engine } from "../../src/engine/contract.ts";

/** Where a process can be made to kill itself: before or after a step of a lock's life, or in the middle of one. */
export const KILL_POINTS = [
  "before take",
  "after take",
  "before enter",
  "after enter",
  "watching",
  "before look",
  "after look",
  "before grant",
  "after grant",
  "inside",
  "before release",
  "after release",
] as const;

export type KillPoint = (typeof KILL_POINTS)[number];

/** What a commit of a lock's does. */
function stepOf({ checks = [], mutations = [] }: Commit): string {
  if (mutations.length === 0) return "look";
  if (mutations[0]!.type === "delete") return "release";
  if (checks.some((check) => "empty" in check)) return "take";
  return mutations[0]!.key.endsWith("/granted/holder") ? "grant" : "enter";
}

/** Counts down each time the point is reached, and at the last time kills this process. */
export class Fate {
  readonly #point: string;
  #left: number;

  constructor(point: string, times: number) {
    this.#point = point;
    this.#left = times;
  }

  at(point: string): void {
    if (point === this.#point && --this.#left === 0) process.kill(process.pid, "SIGKILL");
  }

  /** The engine, with the points of its commits and watches. */
  over(engine: Engine): Engine {
    const { commit, watch } = { commit: engine.commit.bind(engine), watch: engine.watch.bind(engine) };
    return new Proxy(engine, {
      get: (target, property) => {
        if (property === "commit")
          return async (...args: Parameters<Engine["commit"]>) => {
            const step = stepOf(args[0]);
            this.at(`before ${step}`);
            const result = await commit(...args);
            this.at(`after ${step}`);
            return result;
          };
        if (property === "watch")
          return (...args: Parameters<Engine["watch"]>) => {
            const changes = watch(...args);
            setImmediate(() => this.at("watching"));
            return changes;
          };
        const value = Reflect.get(target, property, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}
