import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from "node:child_process";
import * as path from "node:path";
import type { Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";

const PROGRAM = path.join(import.meta.dirname, "store.py");
const OWN = path.join(import.meta.dirname, "../../.cache/python/bin/python3");

/** A Python with its own `sqlite3`, and the reason where there is none (in CI that is an error). */
export const python = find(["python3"], "import sqlite3");
/** A Python (3.12 or newer) in which the forerunner `ipctools` is installed, as `.ci/run` does where it finds one. */
export const pythonWithLibrary = find([OWN, "python3"], "from ipctools import store");

interface Found {
  readonly command: string;
  /** Why a test that needs it cannot run; none if it can. */
  readonly skip?: string;
}

function find(commands: string[], test: string): Found {
  for (const command of commands) {
    // What answers to `python3` may be a script that looks for a Python each time.
    const { status, stdout } = spawnSync(command, ["-c", `${test}; import sys; print(sys.executable)`], {
      encoding: "utf8",
    });
    if (status === 0) return { command: stdout.trim() };
  }
  return { command: "", skip: `no python3 on the PATH that can \`${test}\`` };
}

/** A call of `store.py` that ends by itself; what it printed. */
export function runPython(...words: string[]): string {
  return execFileSync(python.command, [PROGRAM, ...words], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

export type Said = [what: "set" | "created" | "wrong" | "error", key: string, value: string];

export interface Program {
  /** Everything that it says, line by line, as it comes. */
  readonly said: Said[];
  /** Resolves when it has said so many lines. */
  hasSaid(count: number): Promise<void>;
  /** Ends its standard input; resolves when it has ended well. */
  end(): Promise<void>;
  readonly ended: Promise<void>;
}

export function startPython(t: TestContext, words: string[], { command } = python): Program {
  return program(t, spawn(command, [PROGRAM, ...words], { stdio: ["pipe", "pipe", "inherit"] }));
}

/** A program in TypeScript that speaks as `store.py` does. */
export function startNode(t: TestContext, file: string, words: string[]): Program {
  const args = [path.join(import.meta.dirname, file), ...words];
  return program(t, spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] }));
}

function program(t: TestContext, child: ChildProcessByStdio<Writable, Readable, null>): Program {
  t.after(() => child.kill("SIGKILL"));
  const said: Said[] = [];
  const waiting = new Set<() => void>();
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) said.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${child.spawnargs.join(" ")} ended with ${code ?? signal}`));
    });
  });
  ended.catch(() => {});
  return {
    said,
    ended,
    hasSaid: (count) =>
      Promise.race([
        ended,
        new Promise<void>((resolve) => {
          const look = () => {
            if (said.length < count) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
          look();
        }),
      ]),
    end() {
      child.stdin.end();
      return ended;
    },
  };
}
