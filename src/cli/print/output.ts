import * as fs from "node:fs";

/** Exit status of a program whose reader went away: 128 + SIGPIPE, as a shell reports it of others. */
const READER_GONE = 141;
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const DESCRIPTORS = { stdin: STDIN, stdout: STDOUT, stderr: STDERR };

/** Writes text or bytes to standard output, whole, before it returns. A reader that went away ends the process quietly. */
export function write(data: string | Uint8Array): void {
  writeTo(STDOUT, data);
}

export function writeLine(line: string): void {
  writeTo(STDOUT, `${line}\n`);
}

export function writeJson(value: unknown): void {
  writeTo(STDOUT, `${jsonLine(value)}\n`);
}

/** Writes a message to standard error. Whatever it quotes (a server's text, a file's name) cannot act on the terminal. */
export function writeError(message: string): void {
  writeTo(STDERR, `${visible(message)}\n`);
}

export function writeErrorText(text: string | Uint8Array): void {
  writeTo(STDERR, text);
}

/*
 * Not `process.stdout`: loading it costs a sixth of the whole run of `get`.
 */
function writeTo(fd: number, data: string | Uint8Array): void {
  let bytes = typeof data === "string" ? Buffer.from(data) : data;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(fd, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another program has made the pipe or terminal non-blocking, and it is full.
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else if (code === "EPIPE") process.exit(READER_GONE);
      // Nobody can be told that standard error cannot be written.
      else if (fd === STDERR) return;
      else throw error;
    }
  }
}

/** Whether a person looks at it. */
export function isTerminal(stream: "stdin" | "stdout" | "stderr"): boolean {
  return process.getBuiltinModule("node:tty").isatty(DESCRIPTORS[stream]);
}

type Style = "bold" | "red" | "green" | "cyan";

/** Paints for a terminal; elsewhere, and where `NO_COLOR` is set or the terminal is dumb, gives the text back as it is. */
export function painter(stream: "stdout" | "stderr"): (style: Style, text: string) => string {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const colours = !NO_COLOR && (FORCE_COLOR ? FORCE_COLOR !== "0" : TERM !== "dumb" && isTerminal(stream));
  if (!colours) return (_style, text) => text;
  const { styleText } = process.getBuiltinModule("node:util");
  return (style, text) => styleText(style, text, { validateStream: false });
}

/**
 * Text that does nothing to a terminal and hides nothing from a reader: control characters, line separators, characters that
 * change the direction of the text or cannot be seen, and lone surrogates become escapes. For all that is printed and is not a
 * value itself.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, escaped);
}

/** The same, with backslashes escaped too, so that the text can be had back. */
export function oneLine(text: string): string {
  return visible(text.replaceAll("\\", "\\\\"));
}

/** JSON on one line. The escapes of `visible` are JSON's own, so that what is parsed is exact. */
export function jsonLine(value: unknown): string {
  return visible(JSON.stringify(value));
}

function escaped(character: string): string {
  const json = JSON.stringify(character).slice(1, -1);
  if (json.startsWith("\\")) return json;
  return Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }).join("");
}
