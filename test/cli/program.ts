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

/** The command line as real processes, over one store in a folder of its own. */
export class Program {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-"));
  readonly store = path.join(this.folder, "store.db");
  readonly #children = new Set<ChildProcess>();
  readonly #handles: { close(): unknown }[] = [];

  constructor(test: TestContext) {
    test.after(async () => {
      await this.close();
      const running = [...this.#children].filter(
        ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
      );
      await Promise.all(
        running.map((child) => {
          const closed = new Promise((resolve) => child.once("exit", resolve));
          child.kill("SIGKILL");
          return closed;
        }),
      );
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

  /** The command that a program ran outlives it when that is killed: it is to be killed at the end. */
  async orphan(program: Running): Promise<void> {
    const [, pid] = await program.prints(/pid (\d+)\n/);
    this.#handles.push({ close: () => process.kill(Number(pid), "SIGKILL") });
  }

  /** A handle in this process, to be closed before the folder goes. */
  with<T extends { close(): unknown }>(handle: T): T {
    this.#handles.push(handle);
    return handle;
  }

  start(args: readonly string[], { input, env }: Invocation = {}): Running {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...this.env, ...env }, cwd: this.folder });
    this.#children.add(child);
    child.stdin.on("error", () => {}); // The program may have ended before it read all.
    child.stdin.end(input ?? "");
    return new Running(child);
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
  readonly #waiters = new Set<() => void>();

  constructor(child: ChildProcess) {
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
    this.outcome = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, signal) => {
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr });
        this.#look();
      });
    });
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
      if (this.hasEnded && this.child.stdout!.readableEnded)
        throw new Error(`ended without ${pattern}: ${JSON.stringify([this.stdout, this.stderr])}`);
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  #look(): void {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}
