import type { Command } from "./parse/command.ts";
import { GLOBAL_OPTIONS, type Option } from "./parse/option.ts";
import { painter, writeLine } from "./print/output.ts";
import { VERBS } from "./verbs.ts";

/** The help of the whole program. */
export async function showHelp(): Promise<void> {
  const paint = painter("stdout");
  writeLine(`${paint("bold", "ipctools")}: values and coordination that processes share`);
  writeLine("");
  writeLine(`${paint("bold", "Usage:")} ipctools VERB [ARGUMENTS] [OPTIONS]`);
  writeLine("");
  for (const [name, load] of Object.entries(VERBS)) {
    const { command } = await load();
    writeRow(paint("cyan", name), name, command.summary);
  }
  writeLine("");
  writeOptions(GLOBAL_OPTIONS);
  writeLine("");
  writeLine(
    "Exit status: 0 done; 1 the answer is no (no such key, the key exists, the lock is taken, the time ran out);",
  );
  writeLine("2 a mistake in the call; 3 the store failed, with its code on standard error.");
  writeLine("`ipctools VERB --help` says more about a verb.");
}

/** The help of one verb. */
export function showVerbHelp(verb: string, command: Command): void {
  const paint = painter("stdout");
  writeLine(`${paint("bold", "Usage:")} ipctools ${verb} ${command.usage}`.trimEnd());
  writeLine("");
  writeLine(command.summary);
  if (command.details) writeLine(`\n${command.details}`);
  writeLine("");
  writeOptions({ ...command.options, ...GLOBAL_OPTIONS });
}

const WIDTH = 20;

function writeOptions(options: Readonly<Record<string, Option>>): void {
  const paint = painter("stdout");
  for (const [name, { short, value, help }] of Object.entries(options)) {
    const plain = `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
    writeRow(paint("cyan", plain), plain, help);
  }
}

function writeRow(painted: string, plain: string, text: string): void {
  writeLine(`  ${painted}${" ".repeat(Math.max(1, WIDTH - plain.length))}${text}`);
}
