import { Buffer } from "node:buffer";
import type { Check, Engine, Mutation } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { compareAndSet } from "../../wait/compare-and-set.ts";
import { Deadline } from "../../wait/deadline.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import type { Step } from "../common/step.ts";
import type { JobRecord, QueueKeys } from "./keys.ts";

/** The most jobs in one commit, and their bytes where the engine takes that many. */
const BATCH = 64;
const BATCH_BYTES = 1024 * 1024;

/** A job that comes to the end of the queue. */
export interface Arrival {
  readonly record: JobRecord;
  readonly delayed: boolean;
}

interface Pushing {
  readonly arrival: Arrival;
  readonly result: PromiseWithResolvers<number>;
}

/**
 * Puts jobs at the end of a queue: each gets the next number, by compare-and-set on the tail's version. Those that come while a
 * commit is under way go together in the next one.
 */
export class QueuePusher {
  readonly #engine: Engine;
  readonly #keys: QueueKeys;
  readonly #what: string;
  /** The tail as last seen. */
  #tail: { readonly id: number; readonly version: number } | undefined;
  readonly #waiting: Pushing[] = [];
  #working = false;

  constructor(engine: Engine, keys: QueueKeys, what: string) {
    this.#engine = engine;
    this.#keys = keys;
    this.#what = what;
  }

  /** Resolves to the number of the job. */
  push(arrival: Arrival): Promise<number> {
    const result = Promise.withResolvers<number>();
    this.#waiting.push({ arrival, result });
    if (!this.#working) void this.#work();
    return result.promise;
  }

  /** The push as a part of an atomic commit. */
  pushing(arrival: () => Arrival): Step {
    return {
      engine: this.#engine,
      prepare: async () => {
        const { id, version } = parseTail(await this.#engine.get(this.#keys.tail, "system"));
        const { check, mutations } = this.#append([arrival()], id, version);
        return { checks: [check], mutations };
      },
    };
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      try {
        const first = await this.#write(batch.map(({ arrival }) => arrival));
        for (const [i, { result }] of batch.entries()) result.resolve(first + i);
      } catch (error) {
        for (const { result } of batch) result.reject(error);
      }
    }
    this.#working = false;
  }

  #nextBatch(): Pushing[] {
    const { commitOperations, commitBytes } = this.#engine.capabilities.limits;
    // Besides the jobs there are a check, a set and a read of the tail.
    const most = Math.max(1, Math.min(BATCH, commitOperations - 3));
    const mostBytes = Math.min(BATCH_BYTES, commitBytes / 2);
    let count = 0;
    for (let bytes = 0; count < Math.min(most, this.#waiting.length); count++) {
      bytes += Buffer.byteLength(this.#waiting[count]!.arrival.record.value);
      if (count > 0 && bytes > mostBytes) break;
    }
    return this.#waiting.splice(0, count);
  }

  /** Resolves to the number of the first. */
  async #write(arrivals: readonly Arrival[]): Promise<number> {
    const deadline = new Deadline({ timeout: DEFAULT_TIMEOUT }, `${this.#what}: its end`);
    const read = { space: "system", key: this.#keys.tail } as const;
    try {
      this.#tail ??= parseTail(await this.#engine.get(read.key, read.space));
      return await compareAndSet(deadline, async () => {
        const { id, version } = this.#tail!;
        const { check, mutations } = this.#append(arrivals, id, version);
        const result = await this.#engine.commit({ checks: [check], mutations, reads: [read] }, deadline.commit);
        this.#tail = parseTail(result.reads[0]![0]);
        return result.ok ? id + 1 : undefined;
      });
    } catch (error) {
      this.#tail = undefined;
      throw error;
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  #append(arrivals: readonly Arrival[], last: number, version: number): { check: Check; mutations: Mutation[] } {
    const tail = { space: "system", key: this.#keys.tail } as const;
    const mutations: Mutation[] = [{ type: "set", ...tail, value: String(last + arrivals.length) }];
    for (const [i, { record, delayed }] of arrivals.entries()) {
      const id = last + 1 + i;
      const key = delayed ? this.#keys.delayed(record.from, id) : this.#keys.ready(id);
      mutations.push({ type: "set", space: "system", key, value: JSON.stringify(record) });
    }
    return { check: { ...tail, version }, mutations };
  }
}

function parseTail(entry: Entry | undefined): { id: number; version: number } {
  return entry ? { id: Number(entry.value), version: entry.version } : { id: 0, version: 0 };
}
