#!/usr/bin/env node
import { isStoreError } from "../errors.ts";
import { maskPasswords } from "../location/mask-password.ts";
import { Arguments, checkEncoding, splitVerb, UsageError } from "./parse/arguments.ts";
import { DONE, FAILED, USAGE } from "./parse/command.ts";
import { GLOBAL_OPTIONS } from "./parse/option.ts";
import { painter, visible, writeError, writeErrorText, writeLine } from "./print/output.ts";
import { hidePasswords } from "./print/passwords.ts";
import { endBy, Interrupted } from "./run/interruption.ts";
import { VERBS } from "./verbs.ts";

const args = process.argv.slice(2);
run(args)
  .catch(report)
  .then((status) => {
    process.exitCode = status;
  });

async function run(args: readonly string[]): Promise<number> {
  checkEncoding(args);
  hidePasswords(args);
  let { verb, rest } = splitVerb(args);
  if (verb === "help") {
    ({ verb, rest } = splitVerb(rest));
    rest = ["--help", ...rest];
  }
  if (verb === undefined) {
    const call = new Arguments("", rest, {}, false, { strict: true });
    if (call.flag("version")) {
      writeLine(version());
      return DONE;
    }
    const { showHelp } = await import("./help.ts");
    if (call.flag("help")) {
      await showHelp();
      return DONE;
    }
    throw new UsageError("what shall be done? Give a verb, such as get, set or info");
  }
  const load = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (load === undefined)
    throw new UsageError(`there is no verb ${JSON.stringify(verb)}: ${Object.keys(VERBS).join(", ")}`);
  const { command } = await load();
  if (asksForHelp(verb, rest, Boolean(command.runsCommand))) {
    const { showVerbHelp } = await import("./help.ts");
    showVerbHelp(verb, command);
    return DONE;
  }
  const call = new Arguments(verb, rest, command.options ?? {}, Boolean(command.runsCommand), { strict: true });
  const [least, most] = command.arity;
  if (call.positionals.length < least) throw new UsageError(`${verb} needs ${command.usage}`, verb);
  if (call.positionals.length > most)
    throw new UsageError(
      `${verb} takes ${command.usage || "no arguments"}: what is ${JSON.stringify(call.positionals[most])}?`,
      verb,
    );
  if (command.runsCommand === true && call.command.length === 0)
    throw new UsageError(`${verb} needs a command after --: ipctools ${verb} ${command.usage}`, verb);
  // A mistake is one also where the option has no bearing.
  void call.wait;
  return await command.run(call);
}

function asksForHelp(verb: string, rest: readonly string[], runsCommand: boolean): boolean {
  return new Arguments(verb, rest, GLOBAL_OPTIONS, runsCommand, { strict: false }).flag("help");
}

function version(): string {
  const file = `${import.meta.dirname}/../../package.json`;
  return JSON.parse(process.getBuiltinModule("node:fs").readFileSync(file, "utf8")).version;
}

/** Says on standard error what went wrong; the exit status for it. */
function report(error: unknown): number {
  if (error instanceof Interrupted) {
    endBy(error);
    return FAILED;
  }
  const { code, isMistake, hint } = diagnose(error);
  const message = maskPasswords(error instanceof Error ? error.message : String(error));
  if (args.includes("--json")) {
    const retryable = isStoreError(error) && error.retryable;
    writeError(JSON.stringify({ error: { code, message, retryable } }));
  } else {
    const paint = painter("stderr");
    const kind = code === undefined ? "" : `${paint("bold", visible(code))}: `;
    writeErrorText(`${paint("red", "ipctools:")} ${kind}${visible(message)}\n`);
    if (hint !== undefined) writeError(hint);
  }
  return isMistake ? USAGE : FAILED;
}

function diagnose(error: unknown): { code: string | undefined; isMistake: boolean; hint?: string } {
  if (isStoreError(error)) return { code: error.code, isMistake: false };
  if (error instanceof UsageError) {
    const help = `ipctools ${error.verb ? `${error.verb} ` : ""}--help`;
    return { code: "USAGE", isMistake: true, hint: `See: ${help}` };
  }
  const code = (error as { code?: unknown } | null)?.code;
  if ((error instanceof TypeError || error instanceof RangeError) && typeof code === "string")
    return { code, isMistake: true };
  return { code: typeof code === "string" ? code : undefined, isMistake: false };
}
