import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { TestContext } from "node:test";

const MAIN = path.join(import.meta.dirname, "../../src/cli/main.ts");

export interface Outcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Invocation {
  /** Written to standard input, which is closed after it. */
  input?: string | Uint8Array;
  env?: NodeJS.ProcessEnv;
}

/** For how long a program is waited for, in milliseconds: less than a test's own time, so that the error says what it printed. */
const PATIENCE = 60_000;

/** The command line as real processes, over one store in a folder of its own. */
export class Program {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  readonly store = path.join(this.folder, "store.db");
  readonly #running: Running[] = [];
  readonly #handles: { close(): unknown }[] = [];

  constructor(test: TestContext) {
    test.after(async () => {
      await this.close();
      await Promise.all(this.#running.map((program) => program.kill()));
      fs.rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Closes the handles of this process. */
  async close(): Promise<void> {
    for (const handle of this.#handles.splice(0)) await handle.close();
  }

  get env(): NodeJS.ProcessEnv {
    const { NO_COLOR, FORCE_COLOR, NODE_OPTIONS, ...env } = process.env;
    return { ...env, IPCTOOLS_STORE: this.store };
  }

  /** A handle in this process, to be closed before the folder goes. */
  with<T extends { close(): unknown }>(handle: T): T {
    this.#handles.push(handle);
    return handle;
  }

  start(args: readonly string[], { input, env }: Invocation = {}): Running {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...this.env, ...env },
      cwd: this.folder,
      // A process group of its own, to be killed with the commands that it runs, which outlive it when it alone is killed.
      detached: true,
    });
    child.stdin.on("error", () => {}); // The program may have ended before it read all.
    child.stdin.end(input ?? "");
    const running = new Running(args, child);
    this.#running.push(running);
    return running;
  }

  async run(args: readonly string[], invocation?: Invocation): Promise<Outcome> {
    return await this.start(args, invocation).outcome;
  }
}

/** A process that runs, its output so far, and its end. */
export class Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Its end, be its output still held open by a command that it ran. */
  readonly ended: Promise<unknown>;
  stdout = "";
  stderr = "";
  readonly #args: readonly string[];
  readonly #waiters = new Set<() => void>();
  readonly #tooLate = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;

  constructor(args: readonly string[], child: ChildProcess) {
    this.#args = args;
    this.child = child;
    child.stdout!.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
      this.#look();
    });
    child.stderr!.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
      this.#look();
    });
    this.ended = new Promise((resolve) => child.once("exit", resolve));
    const closed = new Promise<Outcome>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, signal) => {
        clearTimeout(this.#timer);
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr });
        this.#look();
      });
    });
    this.#timer = setTimeout(() => this.#tooLate.reject(this.#error(`is still there after ${PATIENCE} ms`)), PATIENCE);
    this.#tooLate.promise.catch(() => {});
    this.outcome = Promise.race([closed, this.#tooLate.promise]);
    this.outcome.catch(() => {});
  }

  get pid(): number {
    return this.child.pid!;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves when standard output matches; rejects if the process ends without. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (this.hasEnded && this.child.stdout!.readableEnded) throw this.#error(`ended without ${pattern}`);
      const more = new Promise<void>((resolve) => this.#waiters.add(resolve));
      await Promise.race([more, this.#tooLate.promise]);
    }
  }

  /** Ends it and the commands that it ran, and reads nothing more of them. */
  async kill(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    this.child.stdout!.destroy();
    this.child.stderr!.destroy();
    if (!this.hasEnded) await this.ended;
  }

  #error(what: string): Error {
    return new Error(`ipctools ${this.#args.join(" ")}: ${what}: ${JSON.stringify([this.stdout, this.stderr])}`);
  }

  #look(): void {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}
