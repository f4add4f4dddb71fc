import { invalidType, invalidValue, outOfRange } from "../errors.ts";
import type { EngineLimits } from "./capabilities.ts";
import type { Value } from "./entry.ts";

const MIB = 1024 * 1024;

/** The limits of a store file. The engines of other servers have their own. */
export const FILE_LIMITS: EngineLimits = {
  keyBytes: 64 * 1024,
  valueBytes: 256 * MIB,
  commitOperations: 10_000,
  commitBytes: 512 * MIB,
};

/** Throws unless `key` is a well-formed string within the limit. */
export function checkKey(key: unknown, limits: EngineLimits = FILE_LIMITS, name = "key"): asserts key is string {
  if (typeof key !== "string") throw invalidType(name, "a string", key);
  checkText(key, limits.keyBytes, name);
}

/** Throws unless `value` is a well-formed string or bytes, within the limit. */
export function checkValue(value: unknown, limits: EngineLimits = FILE_LIMITS): asserts value is Value {
  if (typeof value === "string") checkText(value, limits.valueBytes, "value");
  else if (!(value instanceof Uint8Array)) throw invalidType("value", "a string", value);
  else if (value.byteLength > limits.valueBytes)
    throw outOfRange("value", `at most ${limits.valueBytes} bytes`, value.byteLength);
}

function checkText(text: string, limit: number, name: string): void {
  if (!text.isWellFormed())
    throw invalidValue(name, "well-formed Unicode (no lone surrogate: use toWellFormed(), or encode the bytes)", text);
  // A UTF-16 unit is three bytes of UTF-8 at the most, so that short texts need not be measured.
  if (text.length * 3 > limit) {
    const bytes = Buffer.byteLength(text);
    if (bytes > limit) throw outOfRange(name, `at most ${limit} bytes in UTF-8`, bytes);
  }
}

export interface BatchLimits {
  readonly calls: number;
  readonly bytes: number;
}

/**
 * How much one commit of a batch carries: what the engine takes, and little enough that the commit does not hold up others for
 * long. Each call takes `perCall` operations of the commit, and all of them together `besides` more.
 */
export function batchLimits(limits: EngineLimits, perCall: number, besides: number, mostCalls = 64): BatchLimits {
  const most = Math.floor((limits.commitOperations - besides) / perCall);
  return { calls: Math.max(1, Math.min(mostCalls, most)), bytes: Math.min(MIB, limits.commitBytes / 2) };
}
