import type { Entry } from "../../engine/entry.ts";
import { StoreError } from "../../errors.ts";
import { write } from "./output.ts";

/** Prints a value that is text, with a newline after it. */
export function writeLineOf({ key, value }: Entry): void {
  if (typeof value !== "string")
    throw new StoreError(
      "ERR_STORE_CODEC",
      `the value of ${JSON.stringify(key)} is bytes, not text: get --raw writes them as they are, --json as base64`,
    );
  write(`${value}\n`);
}
