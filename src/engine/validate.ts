import { invalidType, invalidValue, outOfRange } from "../errors.ts";
import type { EngineLimits } from "./capabilities.ts";
import type { Commit, Mutation, WatchOptions } from "./contract.ts";
import { checkKey, checkValue } from "./limits.ts";
import { type Range, type RangeRead, spaceKey } from "./range.ts";

/**
 * Throws what the contract says of a bad commit, before anything of it is sent or written: a `TypeError` for a key that is
 * changed twice or a value of the wrong kind, a `RangeError` for what is above the engine's limits.
 */
export function checkCommit(commit: Commit, limits: EngineLimits): void {
  const { checks = [], mutations = [], reads = [] } = commit;
  const operations = checks.length + mutations.length + reads.length;
  if (operations > limits.commitOperations)
    throw outOfRange("commit", `at most ${limits.commitOperations} checks, mutations and reads`, operations);
  for (const check of checks) {
    if ("empty" in check) checkRange(check.empty, limits);
    else {
      checkKey(check.key, limits);
      checkSpace(check.space);
      checkVersion(check.version, "version");
    }
  }
  checkMutations(mutations, limits);
  for (const read of reads) checkRange(read, limits);
}

function checkMutations(mutations: readonly Mutation[], limits: EngineLimits): void {
  let units = 0;
  for (const mutation of mutations) {
    checkKey(mutation.key, limits);
    checkSpace(mutation.space);
    units += mutation.key.length;
    if (mutation.type === "set") {
      checkValue(mutation.value, limits);
      units += mutation.value.length;
      if (mutation.session !== undefined && typeof mutation.session !== "string")
        throw invalidType("session", "a session's id", mutation.session);
      if (mutation.ttl !== undefined) {
        checkTtl(mutation.ttl);
        if (mutation.session !== undefined)
          throw invalidValue("ttl", "absent where the entry is bound to a session", mutation.ttl);
      }
    } else if (mutation.type !== "delete") {
      throw invalidValue("type", '"set" or "delete"', (mutation as { type: unknown }).type);
    }
  }
  if (mutations.length > 1) checkDistinct(mutations);
  // A UTF-16 unit is three bytes of UTF-8 at the most, so that most commits need not be measured.
  if (units * 3 > limits.commitBytes) checkBytes(mutations, limits);
}

function checkDistinct(mutations: readonly Mutation[]): void {
  const [first, second] = mutations;
  if (mutations.length === 2 && first!.key !== second!.key) return;
  const seen = new Set<string>();
  for (const { key, space } of mutations) {
    const name = spaceKey(key, space);
    if (seen.has(name)) throw invalidValue("mutations", "at most one for each key in a commit", key);
    seen.add(name);
  }
}

function checkBytes(mutations: readonly Mutation[], limits: EngineLimits): void {
  let bytes = 0;
  for (const mutation of mutations) {
    bytes += Buffer.byteLength(mutation.key);
    if (mutation.type === "set") bytes += Buffer.byteLength(mutation.value);
  }
  if (bytes > limits.commitBytes)
    throw outOfRange("commit", `at most ${limits.commitBytes} bytes of keys and values`, bytes);
}

/** Throws unless `ttl` is a number of milliseconds above 0. */
export function checkTtl(ttl: unknown): asserts ttl is number {
  if (typeof ttl !== "number") throw invalidType("ttl", "a number of milliseconds", ttl);
  if (!(ttl > 0) || !Number.isSafeInteger(Math.ceil(ttl)) || Math.ceil(ttl) > LONGEST_TTL)
    throw outOfRange("ttl", `a number of milliseconds above 0 and at most ${LONGEST_TTL} (a hundred years)`, ttl);
}

/** A hundred years, in milliseconds. */
const LONGEST_TTL = 100 * 365.25 * 24 * 3600 * 1000;

const BOUNDS = ["prefix", "start", "end"] as const;

/** A bound may be one character longer than the longest key: `${lastKey}\0` is where the next page starts. */
function checkBound(bound: unknown, limits: EngineLimits, name: string): void {
  const isShort = typeof bound === "string" && bound.length * 3 <= limits.keyBytes;
  checkKey(bound, isShort ? limits : { ...limits, keyBytes: limits.keyBytes + 1 }, name);
}

/** Throws unless the range is one: strings within the limits, `key` without the other three, `limit` a whole number. */
export function checkRange(range: RangeRead | Range, limits: EngineLimits): void {
  if (typeof range !== "object" || range === null) throw invalidType("range", "an object", range);
  checkSpace(range.space);
  if (range.key !== undefined) {
    checkKey(range.key, limits);
    for (const bound of BOUNDS)
      if (range[bound] !== undefined) throw invalidValue(bound, "absent beside a key", range[bound]);
  }
  for (const bound of BOUNDS) if (range[bound] !== undefined) checkBound(range[bound], limits, bound);
  const { order, limit } = range as RangeRead;
  if (order !== undefined && order !== "key" && order !== "created")
    throw invalidValue("order", '"key" or "created"', order);
  if (limit === undefined) return;
  if (typeof limit !== "number") throw invalidType("limit", "a number", limit);
  if (!Number.isSafeInteger(limit) || limit < 1) throw outOfRange("limit", "a whole number, 1 or more", limit);
}

/** Throws unless the ranges are such, and `from`, where it is given, is a version. */
export function checkWatch(ranges: readonly Range[], { from }: WatchOptions, limits: EngineLimits): void {
  for (const range of ranges) checkRange(range, limits);
  if (from !== undefined) checkVersion(from, "from");
}

function checkVersion(version: unknown, name: string): void {
  if (typeof version !== "number") throw invalidType(name, "a number", version);
  if (!Number.isSafeInteger(version) || version < 0) throw outOfRange(name, "a safe integer, 0 or more", version);
}

function checkSpace(space: unknown): void {
  if (space !== undefined && space !== "system") throw invalidValue("space", '"system" or absent', space);
}
