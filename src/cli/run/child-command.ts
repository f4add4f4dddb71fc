import type { ChildProcess, StdioOptions } from "node:child_process";
import { UsageError } from "../parse/arguments.ts";
import { FAILED } from "../parse/command.ts";
import { isTerminal, writeError } from "../print/output.ts";

/** A shell's exit statuses for a command that is not there, and for one that cannot be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;
/** A shell's exit status for a command that a signal ended is this and the signal's number. */
const BY_SIGNAL = 128;

/** Signals that mean "end", which the command gets in our place. */
const FORWARDED: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"];
/** Those of them that a terminal's keys send to the command too. */
const FROM_KEYS: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT"]);

export interface RunOptions {
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdio?: StdioOptions;
  /** When it is aborted, the command gets `stopSignal`. */
  readonly stop: AbortSignal;
  readonly stopSignal?: NodeJS.Signals;
  /** How long after that SIGKILL follows, in milliseconds. Default: never. */
  readonly killAfter?: number | undefined;
  /** Called when the signals that we get are the command's from now on: before that, somebody else minds them. */
  takesSignals?(): void;
  /** Called when the command runs, with its process. */
  started?(child: ChildProcess): void;
}

export interface CommandOutcome {
  /** The command's exit status, or 128 and the number of the signal that ended it. */
  readonly status: number;
  /** Whether one of our own signals was passed on to it: somebody wants us to end. */
  readonly wasAsked: boolean;
}

/**
 * Runs a command to its end. The signals that we get it gets (those of a terminal's keys come to both of us by themselves),
 * and its standard streams are ours.
 */
export async function runCommand(command: readonly string[], options: RunOptions): Promise<CommandOutcome> {
  const { spawn } = process.getBuiltinModule("node:child_process");
  const [file, ...args] = command;
  let child: ChildProcess | undefined;
  let wasAsked = false;
  const hasTerminal = isTerminal("stdin") || isTerminal("stdout") || isTerminal("stderr");
  const forward = (signal: NodeJS.Signals) => {
    wasAsked = true;
    if (!(hasTerminal && FROM_KEYS.has(signal))) child?.kill(signal);
  };
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    child?.kill(options.stopSignal ?? "SIGTERM");
    if (options.killAfter !== undefined) killer = setTimeout(() => child?.kill("SIGKILL"), options.killAfter);
  };
  // Before the command is there: a signal that came in between would end this program alone, and nobody would end the command.
  for (const signal of FORWARDED) process.on(signal, forward);
  options.takesSignals?.();
  try {
    const started = spawn(file!, args, {
      stdio: options.stdio ?? "inherit",
      env: { ...process.env, ...options.env },
    });
    child = started;
    const status = await new Promise<number>((resolve, reject) => {
      started.once("error", (error: NodeJS.ErrnoException) => {
        if (started.pid === undefined) resolve(cannotRun(file!, error));
        else reject(error);
      });
      started.once("close", (code, signal) => resolve(code ?? BY_SIGNAL + signalNumber(signal!)));
      if (started.pid === undefined) return;
      options.started?.(started);
      if (options.stop.aborted) stop();
      else options.stop.addEventListener("abort", stop, { once: true });
    });
    return { status, wasAsked };
  } finally {
    clearTimeout(killer);
    options.stop.removeEventListener("abort", stop);
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

function cannotRun(file: string, error: NodeJS.ErrnoException): number {
  if (error.code === "ENOENT") {
    writeError(`ipctools: there is no command ${JSON.stringify(file)}: check its name and PATH`);
    return NOT_FOUND;
  }
  writeError(`ipctools: cannot run ${JSON.stringify(file)}: ${error.message}`);
  return error.code === "EACCES" ? NOT_RUNNABLE : FAILED;
}

function signalNumber(signal: NodeJS.Signals): number {
  return process.getBuiltinModule("node:os").constants.signals[signal];
}

/** `TERM` or `SIGTERM`. Throws a `UsageError` for what is no signal here. */
export function parseSignal(text: string | undefined): NodeJS.Signals | undefined {
  if (text === undefined) return undefined;
  const name = text.toUpperCase().startsWith("SIG") ? text.toUpperCase() : `SIG${text.toUpperCase()}`;
  const { signals } = process.getBuiltinModule("node:os").constants;
  if (!Object.hasOwn(signals, name))
    throw new UsageError(`--signal must be a signal such as TERM, INT or HUP; got ${JSON.stringify(text)}`);
  return name as NodeJS.Signals;
}
