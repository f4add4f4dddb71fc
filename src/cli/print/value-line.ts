import type { Change, Value } from "../../engine/entry.ts";
import { oneLine } from "./output.ts";

/** A value on one line: text with escapes, bytes as base64. */
export function lineOfValue(value: Value): string {
  return typeof value === "string" ? oneLine(value) : `base64:${Buffer.from(value).toString("base64")}`;
}

export function lineOfChange(change: Change): string {
  const key = oneLine(change.key);
  return change.type === "set" ? `set\t${key}\t${lineOfValue(change.entry.value)}` : `delete\t${key}`;
}
