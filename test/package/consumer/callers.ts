import { type ChildProcess, fork } from "node:child_process";
import * as path from "node:path";
import type { TestContext } from "node:test";
import { openStoreSync, StoreError, type SyncStore } from "ipctools";

type Name = "getValue" | "setValue" | "createValue" | "tryGetValue" | "trySetValue" | "tryCreateValue" | "deleteValue";

export interface Call {
  name: Name;
  args: unknown[];
}

export interface ErrorSeen {
  name: string;
  code: string;
  retryable?: boolean;
  message: string;
  hasCause: boolean;
  isStoreError: boolean;
}

export interface Answer {
  value?: unknown;
  error?: ErrorSeen;
}

/** Someone who calls the store and says what came of it. */
export type Caller = (name: Name, ...args: unknown[]) => Promise<Answer>;

/** Two callers on one file: two processes that were forked, or one process twice. */
export async function callers(t: TestContext, kind: Kind, file: string): Promise<[Caller, Caller]> {
  if (kind === "forked processes") return [await forked(t, file), await forked(t, file)];
  const store = openStoreSync(file);
  t.after(() => store.close());
  const caller = local(store);
  return [caller, caller];
}

export const KINDS = ["one process", "forked processes"] as const;
export type Kind = (typeof KINDS)[number];

function local(store: SyncStore): Caller {
  return async (name, ...args) => {
    try {
      return { value: (store[name] as (...args: unknown[]) => unknown)(...args) };
    } catch (error) {
      const isStoreError = error instanceof StoreError;
      const { name, code, retryable, message, cause } = error as StoreError;
      return { error: { name, code, retryable, message, hasCause: cause !== undefined, isStoreError } };
    }
  };
}

async function forked(t: TestContext, file: string): Promise<Caller> {
  const child = start(t, "caller.ts", [], { IPCTOOLS_STORE: file });
  await message(child);
  return (name, ...args) => {
    child.send({ name, args } satisfies Call);
    return message<Answer>(child);
  };
}

/** Forks a program of this folder; killed after the test. */
export function start(t: TestContext, program: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = fork(path.join(import.meta.dirname, program), args, {
    env: { ...process.env, ...env },
    serialization: "advanced",
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

/** The next message of a child; rejects if it ends first. */
export function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null) =>
      reject(new Error(`the child ended with ${code ?? signal} before its message`));
    child.once("exit", ended);
    child.once("message", (value) => {
      child.off("exit", ended);
      resolve(value as T);
    });
  });
}
