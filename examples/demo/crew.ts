import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter } from "node:events";
import type { Told } from "./told.ts";

type Of<T extends Told["type"]> = Extract<Told, { readonly type: T }>;

/** What a process told, and which one it was. */
export interface Report<T extends Told["type"]> {
  readonly name: string;
  readonly told: Of<T>;
}

/** The processes of the demo, by their names. Emits what they tell, `failed` when one ends by itself, and `ended` when none is left. */
export class Crew extends EventEmitter {
  readonly #members = new Map<string, ChildProcess>();

  constructor(program: string, names: readonly string[], prefix: string) {
    super();
    for (const name of names) {
      const child = fork(program, [name, prefix]);
      this.#members.set(name, child);
      child.on("message", (told: Told) => this.emit(told.type, { name, told }));
      child.once("exit", (status) => {
        this.#members.delete(name);
        if (status !== null) this.emit("failed", name);
        if (this.#members.size === 0) this.emit("ended");
      });
    }
  }

  get size(): number {
    return this.#members.size;
  }

  async ready(): Promise<{ name: string; pid: number }[]> {
    await this.#everyone("ready");
    return [...this.#members].map(([name, { pid }]) => ({ name, pid: pid! }));
  }

  /** Gives a task to all of them at once; what each told of it. */
  async all<T extends Told["type"]>(task: string, answer: T): Promise<Report<T>[]> {
    const answers = this.#everyone(answer);
    this.#tell(task);
    return await answers;
  }

  /** Lets all stand for the leadership; resolves when they do, to the first who won. */
  async elect(): Promise<Report<"won">> {
    const winner = this.#next("won");
    await this.all("elect", "standing");
    return await winner;
  }

  /** Sends a SIGKILL to one; resolves to the next who wins. Without a name to all. */
  kill(name: string): Promise<Report<"won">>;
  kill(): void;
  kill(name?: string): Promise<Report<"won">> | undefined {
    if (name === undefined) {
      for (const child of this.#members.values()) child.kill("SIGKILL");
      return undefined;
    }
    const next = this.#next("won");
    const child = this.#members.get(name);
    this.#members.delete(name);
    child?.kill("SIGKILL");
    return next;
  }

  #tell(task: string): void {
    for (const child of this.#members.values()) child.send(task);
  }

  #next<T extends Told["type"]>(type: T): Promise<Report<T>> {
    return new Promise((resolve) => this.once(type, resolve));
  }

  #everyone<T extends Told["type"]>(type: T): Promise<Report<T>[]> {
    const { size } = this.#members;
    return new Promise((resolve) => {
      const reports: Report<T>[] = [];
      const take = (report: Report<T>) => {
        if (reports.push(report) < size) return;
        this.off(type, take);
        resolve(reports);
      };
      this.on(type, take);
    });
  }
}
