import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Operation, Trial } from "./operation.ts";
import { forkTask, type Task } from "./task.ts";

/** The further processes of a trial: each has opened the peer for itself and plays a role of the operation. */
export class Crew {
  readonly #trial: Trial;
  readonly #operation: Operation;
  readonly #mates: Mate[] = [];

  constructor(trial: Trial, operation: Operation) {
    this.#trial = trial;
    this.#operation = operation;
  }

  /** Starts so many in a role; resolves when each has told its first message ("ready"). */
  async start(role: string, count: number): Promise<Mate[]> {
    const { folder, servers, duration, size, peer } = this.#trial;
    const mates = Array.from({ length: count }, (_, index) => {
      const task: Task = {
        operation: this.#operation.name,
        peer: peer.name,
        folder,
        servers,
        duration,
        size,
        role,
        index,
      };
      return new Mate(task);
    });
    this.#mates.push(...mates);
    await Promise.all(mates.map((mate) => mate.next()));
    return mates;
  }

  async dismiss(): Promise<void> {
    await Promise.all(this.#mates.map((mate) => mate.kill()));
  }
}

/** One of them, as the trial sees it. */
export class Mate {
  readonly #child: ChildProcess;
  readonly #messages: unknown[] = [];
  #failure: Error | undefined;
  #waiting: { resolve(message: unknown): void; reject(error: Error): void } | undefined;

  constructor(task: Task) {
    this.#child = forkTask(task);
    this.#child.on("message", ({ told }: { told: unknown }) => {
      if (this.#waiting === undefined) this.#messages.push(told);
      else this.#waiting.resolve(told);
      this.#waiting = undefined;
    });
    this.#child.on("exit", (code, signal) => {
      this.#failure = new Error(`a ${task.role} of the trial ended with ${code ?? signal}`);
      this.#waiting?.reject(this.#failure);
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  tell(message: unknown): void {
    this.#child.send({ told: message });
  }

  /** What it tells next. */
  next<T>(): Promise<T> {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift() as T);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    }) as Promise<T>;
  }

  /** Tells it something and resolves to what it tells next. */
  ask<T>(message: unknown): Promise<T> {
    this.tell(message);
    return this.next<T>();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}
