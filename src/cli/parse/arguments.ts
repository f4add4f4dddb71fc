import { outOfRange } from "../../errors.ts";
import { LONGEST_TIMEOUT } from "../../wait/timeout.ts";
import { GLOBAL_OPTIONS, type Option } from "./option.ts";

/*
 * The parser is Node's own `util.parseArgs`: starting `get` with it costs 0.3 ms. Of the packages, measured as whole processes beside `node -e 0`
 * (18 ms), cac costs 3 ms, commander 15 ms and yargs 50 ms. It comes through `getBuiltinModule` because importing
 * `node:util` as an ES module costs another 3 ms.
 */
const { parseArgs } = process.getBuiltinModule("node:util");

/** A mistake in how the command line was called: exit status 2. */
export class UsageError extends Error {
  readonly verb: string | undefined;

  constructor(message: string, verb?: string) {
    super(message);
    this.verb = verb;
  }
}

/** Stands before an argument that looks like an option and is none. No argument of a process can hold it. */
const NEGATIVE = "\0";

/** The verb, and what is left of the arguments without it. */
export function splitVerb(args: readonly string[]): { verb: string | undefined; rest: string[] } {
  const { tokens } = parseArgs({
    args: args.map(guardNegative),
    options: GLOBAL_OPTIONS,
    strict: false,
    tokens: true,
  });
  const first = tokens.find(({ kind }) => kind === "positional");
  if (first?.kind !== "positional") return { verb: undefined, rest: [...args] };
  return { verb: first.value, rest: args.toSpliced(first.index, 1) };
}

/** The arguments of one verb's call. */
export class Arguments {
  readonly positionals: readonly string[] = [];
  /** The command to run, for a verb that takes one. */
  readonly command: readonly string[] = [];
  /** Index in `positionals` from which on they came after `--`, where `-` has no meaning of its own. */
  readonly #literalFrom: number;
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;

  /** Throws a `UsageError` for an option that is unknown, lacks its value, or takes none. */
  constructor(
    verb: string,
    args: readonly string[],
    options: Readonly<Record<string, Option>>,
    runsCommand: boolean,
    { strict }: { strict: boolean },
  ) {
    let own = args;
    if (runsCommand) {
      const terminator = args.indexOf("--");
      if (terminator >= 0) {
        own = args.slice(0, terminator);
        this.command = args.slice(terminator + 1);
      }
    }
    try {
      const { values, tokens } = parseArgs({
        args: own.map(guardNegative),
        options: { ...GLOBAL_OPTIONS, ...options },
        allowPositionals: true,
        strict,
        tokens: true,
      });
      this.#values = values as Record<string, string | boolean>;
      if (strict) refuseTwice(tokens.filter(({ kind }) => kind === "option") as { name: string; value?: string }[]);
      const before = tokens.findIndex(({ kind }) => kind === "option-terminator");
      const positionals = tokens.filter((token) => token.kind === "positional");
      this.positionals = positionals.map(({ value }) => unguard(value));
      this.#literalFrom =
        before < 0 ? positionals.length : tokens.slice(0, before).filter(({ kind }) => kind === "positional").length;
    } catch (error) {
      throw new UsageError(unguard(error instanceof Error ? error.message : String(error)), verb);
    }
  }

  /** Whether a positional came after `--`. */
  isLiteral(index: number): boolean {
    return index >= this.#literalFrom;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  option(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? unguard(value) : undefined;
  }

  get store(): string | undefined {
    return this.option("store");
  }

  get json(): boolean {
    return this.flag("json");
  }

  /** `--timeout` as `{ timeout }` in milliseconds, where one was given. */
  get wait(): { timeout?: number } {
    const timeout = this.duration("timeout");
    return timeout === undefined ? {} : { timeout };
  }

  /** An option that is a time, in milliseconds. */
  duration(name: string): number | undefined {
    const text = this.option(name);
    return text === undefined ? undefined : parseDuration(text, `--${name}`);
  }

  /** An option that is a whole number from `least` on. */
  integer(name: string, least: number, most: number): number | undefined {
    const text = this.option(name);
    if (text === undefined) return undefined;
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least && number <= most))
      throw outOfRange(`--${name}`, `a whole number from ${least} to ${most}`, text);
    return number;
  }
}

/** The last of two would win in silence. */
function refuseTwice(options: readonly { name: string; value?: string | undefined }[]): void {
  const seen = new Set<string>();
  for (const { name, value } of options) {
    if (value !== undefined && seen.has(name)) throw new Error(`--${name} is given twice: which one is meant?`);
    seen.add(name);
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function parseDuration(text: string, name: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const time = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2] ?? "ms"]!;
  if (!(time <= LONGEST_TIMEOUT))
    throw outOfRange(name, "a time such as 1500 (milliseconds), 1500ms, 2s, 5m or 1h, of 24 days at most", text);
  return Math.round(time);
}

/** `-1` is a number, not an option. */
function guardNegative(arg: string): string {
  return /^-[\d.]/.test(arg) ? NEGATIVE + arg : arg;
}

function unguard(arg: string): string {
  return arg.startsWith(NEGATIVE) ? arg.slice(1) : arg;
}

/**
 * Throws if an argument's bytes are not UTF-8: Node has put U+FFFD in their place by then, and another value would be
 * stored than the one that was meant. Seen on Linux; elsewhere such arguments pass as Node decodes them.
 */
export function checkEncoding(args: readonly string[]): void {
  if (process.platform !== "linux" || !args.some((arg) => arg.includes("\ufffd"))) return;
  const bytes = process.getBuiltinModule("node:fs").readFileSync("/proc/self/cmdline");
  if (!process.getBuiltinModule("node:buffer").isUtf8(bytes))
    throw new UsageError(
      "an argument is not valid UTF-8: keys and values are text; encode the bytes, for instance with base64",
    );
}
