import { type Arguments, UsageError } from "./arguments.ts";

/** The value at an index of the arguments; `-` reads it from standard input, to the end, every byte of it. */
export async function valueArgument(call: Arguments, index: number): Promise<string> {
  const argument = call.positionals[index]!;
  return argument === "-" && !call.isLiteral(index) ? await readStandardInput() : argument;
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new UsageError(
      "standard input is not valid UTF-8: values are text; encode the bytes first, for instance with base64",
    );
  }
}
