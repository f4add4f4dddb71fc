import type { LockManner } from "../../coordination/locks/client.ts";
import { StoreSession } from "../../store/session.ts";
import { type Command, NO } from "../parse/command.ts";
import { runHolding, STOP_OPTIONS, stopOptions } from "../run/held-command.ts";
import { interruptible } from "../run/interruption.ts";
import { openWatchingEngine } from "../run/open-engine.ts";
import { unlessTimedOut } from "../run/patience.ts";

export const command: Command = {
  summary: "run a command while holding a lock",
  usage: "NAME -- COMMAND [ARGUMENTS]",
  details: `The exit status is the command's; 1 also if the lock was not got (see --conflict-status). The command finds the fencing
token in IPCTOOLS_TOKEN, and IPCTOOLS_OWNER_DIED=1 if the last holder ended without giving the lock up. If the lock is
lost meanwhile, the command is told by a signal, and the status is never 0.`,
  options: {
    shared: { type: "boolean", short: "s", help: "hold it together with others that are shared" },
    "no-wait": { type: "boolean", short: "n", help: "if it is taken, give up at once" },
    "conflict-status": { type: "string", short: "E", value: "N", help: "the status if it was not got (default: 1)" },
    ...STOP_OPTIONS,
  },
  arity: [1, 1],
  runsCommand: true,
  async run(call) {
    const name = call.positionals[0]!;
    const conflict = call.integer("conflict-status", 0, 255) ?? NO;
    const mode = call.flag("shared") ? "shared" : "exclusive";
    const manner: LockManner = call.flag("no-wait") ? "if-available" : "wait";
    stopOptions(call);
    const participant = new StoreSession(await openWatchingEngine(call.store));
    try {
      const { LockClient } = await import("../../coordination/locks/client.ts");
      const client = new LockClient(participant);
      return await interruptible(async (signal, uninterruptible) => {
        const lock = await unlessTimedOut(client.acquire(name, { mode, signal, ...call.wait }, manner));
        if (lock === undefined) return conflict;
        try {
          const { status } = await runHolding(call, lock, `the lock ${JSON.stringify(name)}`, uninterruptible);
          return status;
        } finally {
          await lock.release();
        }
      });
    } finally {
      await participant.engine.close();
    }
  },
};
