import { StoreSession } from "../../store/session.ts";
import { type Command, NO } from "../parse/command.ts";
import { writeError } from "../print/output.ts";
import { runHolding, STOP_OPTIONS, stopOptions } from "../run/held-command.ts";
import { interruptible } from "../run/interruption.ts";
import { openWatchingEngine } from "../run/open-engine.ts";
import { unlessTimedOut } from "../run/patience.ts";

export const command: Command = {
  summary: "run a command only while leading, and take over when the leader dies",
  usage: "NAME -- COMMAND [ARGUMENTS]",
  details: `Waits for leadership, runs the command, and gives leadership up when the command has ended; its status is passed on. If
leadership is lost meanwhile, the command is told by a signal, and when it has ended this program stands again. The
command finds the fencing token in IPCTOOLS_TOKEN. Status 1 if --timeout is over before it leads.`,
  options: {
    value: { type: "string", value: "VALUE", help: "what observers of the election see, an address for example" },
    ...STOP_OPTIONS,
  },
  arity: [1, 1],
  runsCommand: true,
  async run(call) {
    const name = call.positionals[0]!;
    const value = call.option("value") ?? "";
    stopOptions(call);
    const participant = new StoreSession(await openWatchingEngine(call.store));
    try {
      const { Candidacy } = await import("../../coordination/election.ts");
      for (;;) {
        const outcome = await interruptible(async (signal, uninterruptible) => {
          const candidacy = new Candidacy(participant, name, { value, signal, ...call.wait });
          const hasWon = await unlessTimedOut(candidacy.won.then(() => true));
          if (!hasWon) return undefined;
          const holding = { signal: candidacy.signal, token: candidacy.token! };
          try {
            return await runHolding(call, holding, `leadership of ${JSON.stringify(name)}`, uninterruptible);
          } finally {
            await candidacy.resign();
          }
        });
        if (outcome === undefined) return NO;
        if (!outcome.wasLost || outcome.wasAsked) return outcome.status;
        writeError("ipctools: standing again");
      }
    } finally {
      await participant.engine.close();
    }
  },
};
