import type { Engine } from "../../engine/contract.ts";
import { Copier } from "../copy/copier.ts";
import type { Source } from "../copy/side-by-side.ts";
import { type Arguments, UsageError } from "../parse/arguments.ts";
import { type Command, DONE, NO } from "../parse/command.ts";
import { writeError, writeJson, writeLine } from "../print/output.ts";
import { ProgressBar } from "../print/progress.ts";
import { interruptible } from "../run/interruption.ts";
import { openEngine, openWatchingEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "copy the values of one store to another, and verify them",
  usage: "FROM TO",
  details: `FROM and TO are paths or URLs. Values go over with the rest of their time to live; what belongs to running programs
(locks, queues, entries bound to a session) does not. What TO has already is not written again, so that an interrupted
copy goes on when it is run again. At the end both are read and compared.
Status 0: every value of FROM is in TO. Status 1: some are not (a key has another value there: see --overwrite; or FROM
changed meanwhile).`,
  options: {
    prefix: { type: "string", short: "p", value: "PREFIX", help: "copy only the keys that begin with this" },
    overwrite: { type: "boolean", help: "replace the values of keys that TO has with another value" },
  },
  arity: [2, 2],
  async run(call) {
    const [source, target] = call.positionals as [string, string];
    if (call.store !== undefined)
      throw new UsageError("copy takes no --store: say FROM and TO, as paths or URLs", "copy");
    const from = await openEngine(source, "FROM");
    try {
      // Opened only now, so that nothing is created where there is nothing to copy.
      await from.list({ limit: 1 });
      const to = await openWatchingEngine(target, "TO");
      try {
        await assertTwo(from, to);
        return await interruptible((signal) => copy(call, from, to, signal));
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
  },
};

async function assertTwo(from: Source, to: Engine): Promise<void> {
  const [{ location }, other] = [await from.info(), await to.info()];
  if (location === other.location) throw new UsageError(`FROM and TO must be two stores; both are ${location}`, "copy");
}

async function copy(call: Arguments, from: Source, to: Engine, signal: AbortSignal): Promise<number> {
  const prefix = call.option("prefix") ?? "";
  const { keys } = await from.info();
  const copier = new Copier(from, to, { prefix, overwrite: call.flag("overwrite") });
  const counts = await withBar("copying", keys, (progress) => copier.copy(signal, progress));
  const check = await withBar("verifying", keys, (progress) => copier.verify(signal, progress));
  const ok = check.wrong === 0;
  if (call.json) {
    writeJson({ ok, ...counts, verified: check.verified, wrong: check.wrong });
  } else {
    writeLine(
      `copied ${counts.copied}, there already ${counts.present}, verified ${check.verified}` +
        count(counts.ephemeral, "bound to running programs and left out") +
        count(counts.extra, "in TO only and left as they are"),
    );
  }
  if (ok) return DONE;
  const names = check.keys.map((key) => JSON.stringify(key)).join(", ");
  const few = check.wrong > check.keys.length ? `, and ${check.wrong - check.keys.length} more` : "";
  const mend = counts.different > 0 ? "--overwrite replaces them" : "FROM changed meanwhile: run it again";
  writeError(`ipctools: TO differs from FROM at ${names}${few}; ${mend}`);
  return NO;
}

function count(number: number, what: string): string {
  return number === 0 ? "" : `; ${number} ${what}`;
}

async function withBar<T>(
  label: string,
  total: number,
  body: (progress: (done: number) => void) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar(label, total);
  try {
    return await body((done) => bar.update(done));
  } finally {
    bar.end();
  }
}
