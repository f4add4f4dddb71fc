import type { ChildProcess } from "node:child_process";
import { StoreSession } from "../../store/session.ts";
import { type Arguments, UsageError } from "../parse/arguments.ts";
import { type Command, DONE, NO } from "../parse/command.ts";
import { write, writeErrorText } from "../print/output.ts";
import { runCommand } from "../run/child-command.ts";
import { storeEnvironment } from "../run/held-command.ts";
import { interruptible } from "../run/interruption.ts";
import { openWatchingEngine } from "../run/open-engine.ts";
import { unlessTimedOut } from "../run/patience.ts";

/** What a command printed, piece by piece, and its exit status. */
interface Run {
  readonly status: number;
  readonly output: Piece[];
}

interface Piece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

export const command: Command = {
  summary: "of all that say the same, one runs a command, and all get its output and status",
  usage: "NAME -- COMMAND [ARGUMENTS] | NAME --forget",
  details: `Who comes while it runs waits; who comes later gets what was kept. A command that fails is not kept: those who waited get
its output and status, and the next one runs it anew. If the one that runs it dies, another runs it anew. The command's
standard input is that of the one that runs it. Status 1 if --timeout is over before another's run has ended.`,
  options: {
    ttl: { type: "string", value: "TIME", help: "keep the outcome for so long (default: until it is forgotten)" },
    "cache-failures": { type: "boolean", help: "keep the outcome of a command that fails, too" },
    forget: { type: "boolean", help: "forget what was kept; status 1 if there was nothing" },
  },
  arity: [1, 1],
  runsCommand: "optional",
  async run(call) {
    const name = call.positionals[0]!;
    const ttl = call.duration("ttl");
    const forgets = call.flag("forget");
    if (forgets === call.command.length > 0)
      throw new UsageError("once needs either a command after -- or --forget", "once");
    const participant = new StoreSession(await openWatchingEngine(call.store));
    try {
      const { forget, once } = await import("../../coordination/once.ts");
      if (forgets) return (await forget(participant, name)) ? DONE : NO;
      let own: Run | undefined;
      const waiting = interruptible((signal, uninterruptible) =>
        once(
          participant,
          name,
          async (context) => {
            own = await runOnce(call, context, participant, uninterruptible);
            return own;
          },
          {
            signal,
            cacheFailures: call.flag("cache-failures"),
            keep: (run) => (run as Run).status === 0 || call.flag("cache-failures"),
            ...call.wait,
            ...(ttl === undefined ? undefined : { ttl }),
          },
        ),
      );
      const run = await unlessTimedOut(waiting).catch((error: unknown) => {
        if (error instanceof CalledOff) return error.run;
        throw error;
      });
      if (run === undefined) return NO;
      if (own === undefined) for (const piece of run.output) print(piece);
      return run.status;
    } finally {
      await participant.engine.close();
    }
  },
};

/** The command was ended by a signal that this program was sent: that is no outcome for the others, one of whom runs it anew. */
class CalledOff extends Error {
  readonly run: Run;

  constructor(run: Run) {
    super("the run was called off");
    this.run = run;
  }
}

async function runOnce(
  call: Arguments,
  { signal, token }: { signal: AbortSignal; token: number },
  participant: StoreSession,
  takesSignals: () => void,
): Promise<Run> {
  const output: Piece[] = [];
  const { status, wasAsked } = await runCommand(call.command, {
    env: { ...storeEnvironment(call), IPCTOOLS_TOKEN: String(token) },
    stdio: ["inherit", "pipe", "pipe"],
    stop: signal,
    takesSignals,
    started: (child) => record(child, output),
  });
  const run = { status, output };
  if (wasAsked && status !== 0) {
    await participant.engine.close();
    throw new CalledOff(run);
  }
  return run;
}

function record(child: ChildProcess, output: Piece[]): void {
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]!.on("data", (bytes: Buffer) => {
      const piece = { stream, bytes: new Uint8Array(bytes) };
      output.push(piece);
      print(piece);
    });
  }
}

function print({ stream, bytes }: Piece): void {
  if (stream === "stdout") write(bytes);
  else writeErrorText(bytes);
}
