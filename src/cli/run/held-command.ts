import type { Arguments } from "../parse/arguments.ts";
import { FAILED } from "../parse/command.ts";
import type { Option } from "../parse/option.ts";
import { writeError } from "../print/output.ts";
import { parseSignal, runCommand } from "./child-command.ts";
import { resolveLocation } from "./open-engine.ts";

/** What a command runs under: a lock, a leadership. */
export interface Holding {
  /** Aborted when it is lost. */
  readonly signal: AbortSignal;
  readonly token: number;
  readonly ownerDied?: boolean;
}

export interface HeldOutcome {
  readonly status: number;
  /** Whether a signal asked this program to end. */
  readonly wasAsked: boolean;
  readonly wasLost: boolean;
}

/** Options of the verbs that run a command while they hold something. */
export const STOP_OPTIONS: Readonly<Record<string, Option>> = {
  signal: { type: "string", value: "SIGNAL", help: "what the command gets when it is lost (default: TERM)" },
  "kill-after": { type: "string", value: "TIME", help: "send SIGKILL if it still runs so long after that" },
};

/** The options that say how the command is stopped. Throws for those that make no sense. */
export function stopOptions(call: Arguments) {
  return {
    stopSignal: parseSignal(call.option("signal")) ?? "SIGTERM",
    killAfter: call.duration("kill-after"),
  } as const;
}

/**
 * Runs the call's command while something is held; when that is lost, the command is told by a signal. Its status is
 * passed on, except that a loss is never a success. `takesSignals` is called when the signals are the command's.
 */
export async function runHolding(
  call: Arguments,
  holding: Holding,
  what: string,
  takesSignals: () => void,
): Promise<HeldOutcome> {
  const { stopSignal, killAfter } = stopOptions(call);
  const { signal, token, ownerDied } = holding;
  let wasLost = false;
  const tell = () => {
    wasLost = true;
    writeError(`ipctools: ${what} was lost (${reasonOf(signal)}): the command gets ${stopSignal}`);
  };
  if (signal.aborted) tell();
  else signal.addEventListener("abort", tell, { once: true });
  try {
    const { status, wasAsked } = await runCommand(call.command, {
      env: {
        ...storeEnvironment(call),
        IPCTOOLS_TOKEN: String(token),
        ...(ownerDied ? { IPCTOOLS_OWNER_DIED: "1" } : undefined),
      },
      stop: signal,
      stopSignal,
      killAfter,
      takesSignals,
    });
    return { status: wasLost && status === 0 ? FAILED : status, wasAsked, wasLost };
  } finally {
    signal.removeEventListener("abort", tell);
  }
}

/** So that `ipctools` and programs with the library, run by the command, use the same store. */
export function storeEnvironment({ store }: Arguments): Record<string, string> {
  return store === undefined ? {} : { IPCTOOLS_STORE: resolveLocation(store) };
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}
