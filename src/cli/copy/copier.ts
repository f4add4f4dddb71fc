import type { Check, Engine, Mutation } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { batchLimits } from "../../engine/limits.ts";
import { StoreError } from "../../errors.ts";
import { isOutcomeUnknown } from "../../wait/transient.ts";
import { isSameValue, type Pair, type Source, sideBySide } from "./side-by-side.ts";

/** What the store's protocol puts around a key and its value, in bytes, at most. */
const OVERHEAD = 256;

export interface CopyCounts {
  /** Written by this run. */
  copied: number;
  /** There already, with the same value. */
  present: number;
  /** There with another value, and left as it is. */
  different: number;
  /** Bound to a session that lives in the store they come from. */
  ephemeral: number;
  /** In the target only. */
  extra: number;
}

/**
 * Copies values from one store to another by comparing the two, so that an interrupted copy goes on where it was: what is
 * there already is read and not written. A write is made on the condition that the target is as it was when it was compared.
 */
export class Copier {
  readonly #from: Source;
  readonly #to: Engine;
  readonly #prefix: string;
  readonly #overwrite: boolean;

  constructor(from: Source, to: Engine, { prefix, overwrite }: { prefix: string; overwrite: boolean }) {
    this.#from = from;
    this.#to = to;
    this.#prefix = prefix;
    this.#overwrite = overwrite;
  }

  /** Brings the target up to the source; `progress` hears how many keys of the source are done. */
  async copy(signal: AbortSignal, progress: (done: number) => void): Promise<CopyCounts> {
    const counts: CopyCounts = { copied: 0, present: 0, different: 0, ephemeral: 0, extra: 0 };
    // A key takes two operations: a check and a mutation.
    const most = batchLimits(this.#to.capabilities.limits, 2, 0, 200);
    let batch: Pair[] = [];
    let bytes = 0;
    let done = 0;
    const flush = async () => {
      signal.throwIfAborted();
      if (batch.length > 0) await this.#write(batch, counts);
      batch = [];
      bytes = 0;
    };
    for await (const pair of sideBySide(this.#from, this.#to, this.#prefix, signal)) {
      const { left, right } = pair;
      if (left === undefined) {
        counts.extra++;
        continue;
      }
      progress(++done);
      if (left.session !== undefined) counts.ephemeral++;
      else if (right !== undefined && isSameValue(left, right)) counts.present++;
      else if (right !== undefined && !this.#overwrite) counts.different++;
      else {
        const size = this.#sizeOf(left);
        if (batch.length === most.calls || (batch.length > 0 && bytes + size > most.bytes)) await flush();
        batch.push(pair);
        bytes += size;
      }
    }
    await flush();
    return counts;
  }

  /** Reads both again and gives the keys, ten at most, and the number of those that are not in the target as in the source. */
  async verify(
    signal: AbortSignal,
    progress: (done: number) => void,
  ): Promise<{ verified: number; wrong: number; keys: string[] }> {
    let verified = 0;
    let wrong = 0;
    const keys: string[] = [];
    for await (const { key, left, right } of sideBySide(this.#from, this.#to, this.#prefix, signal)) {
      if (left === undefined || left.session !== undefined) continue;
      if (right !== undefined && isSameValue(left, right)) verified++;
      // Its time may be over in one of them a little sooner.
      else if (!isOverSoon(left)) {
        wrong++;
        if (keys.length < 10) keys.push(key);
      }
      progress(verified + wrong);
    }
    return { verified, wrong, keys };
  }

  async #write(pairs: readonly Pair[], counts: CopyCounts): Promise<void> {
    let left = pairs;
    while (left.length > 0) {
      const checks: Check[] = [];
      const mutations: Mutation[] = [];
      for (const { key, left: source, right } of left) {
        const ttl = source!.expiresAt === undefined ? undefined : source!.expiresAt - Date.now();
        if (ttl !== undefined && ttl <= 0) continue;
        checks.push({ key, version: right?.version ?? 0 });
        mutations.push({ type: "set", key, value: source!.value, ...(ttl === undefined ? undefined : { ttl }) });
      }
      if (mutations.length === 0) return;
      let ok = false;
      try {
        ({ ok } = await this.#to.commit({ checks, mutations }));
      } catch (error) {
        // Whether it was made is seen from what is there now.
        if (!isOutcomeUnknown(error)) throw error;
      }
      if (ok) {
        counts.copied += mutations.length;
        return;
      }
      left = await this.#compareAgain(left, counts);
    }
  }

  /** What is still to be written, after somebody else has written to the target. */
  async #compareAgain(pairs: readonly Pair[], counts: CopyCounts): Promise<Pair[]> {
    const { reads } = await this.#to.commit({ reads: pairs.map(({ key }) => ({ key })) });
    const still: Pair[] = [];
    pairs.forEach(({ key, left }, i) => {
      const right = reads[i]![0];
      if (right !== undefined && isSameValue(left!, right)) counts.copied++;
      else if (right !== undefined && !this.#overwrite) counts.different++;
      else still.push({ key, left, right });
    });
    return still;
  }

  #sizeOf({ key, value }: Entry): number {
    const { keyBytes, valueBytes, commitBytes } = this.#to.capabilities.limits;
    const ofKey = Buffer.byteLength(key);
    const ofValue = typeof value === "string" ? Buffer.byteLength(value) : value.byteLength;
    const size = ofKey + ofValue + OVERHEAD;
    if (ofKey > keyBytes || ofValue > valueBytes || size > commitBytes)
      throw new StoreError(
        "ERR_STORE_UNSUPPORTED",
        `${this.#to.name} cannot hold ${JSON.stringify(key)}: its key has ${ofKey} bytes and its value ${ofValue}, and the ` +
          `most are ${keyBytes} and ${Math.min(valueBytes, commitBytes)}. Delete it, or copy to another engine`,
      );
    return size;
  }
}

/** Whether the entry is about to go by itself. */
function isOverSoon({ expiresAt }: Entry): boolean {
  return expiresAt !== undefined && expiresAt - Date.now() < 2000;
}
