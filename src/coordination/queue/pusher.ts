import { Buffer } from "node:buffer";
import type { Check, Engine, Mutation } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { batchLimits } from "../../engine/limits.ts";
import { compareAndSet } from "../../wait/compare-and-set.ts";
import { Deadline } from "../../wait/deadline.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { Batches, type Call } from "../common/batches.ts";
import { ensureLayout } from "../common/layout-version.ts";
import type { Step } from "../common/step.ts";
import type { JobRecord, QueueKeys } from "./keys.ts";

/** A job that comes to the end of the queue. */
export interface Arrival {
  readonly record: JobRecord;
  readonly delayed: boolean;
}

interface Pushing extends Call<number> {
  readonly arrival: Arrival;
}

/**
 * Puts jobs at the end of a queue: each gets the next number, by compare-and-set on the tail's version. Those that come while a
 * commit is under way go together in the next one.
 */
export class QueuePusher {
  readonly #engine: Engine;
  readonly #keys: QueueKeys;
  readonly #awaited: string;
  /** The tail as last seen. */
  #tail: { readonly id: number; readonly version: number } | undefined;
  readonly #pushings: Batches<number, Pushing>;

  constructor(engine: Engine, keys: QueueKeys, awaited: string) {
    this.#engine = engine;
    this.#keys = keys;
    this.#awaited = awaited;
    // Besides the jobs there are a check, a set and a read of the tail.
    this.#pushings = new Batches((batch) => this.#write(batch), batchLimits(engine.capabilities.limits, 1, 3));
  }

  /** Resolves to the number of the job. */
  push(arrival: Arrival): Promise<number> {
    const bytes = Buffer.byteLength(arrival.record.value);
    return this.#pushings.add({ arrival, bytes, result: Promise.withResolvers() });
  }

  /** The push as a part of an atomic commit. */
  pushing(arrival: () => Arrival): Step {
    return {
      engine: this.#engine,
      prepare: async () => {
        await ensureLayout(this.#engine);
        const { id, version } = parseTail(await this.#engine.get(this.#keys.tail, "system"));
        const { check, mutations } = this.#append([arrival()], id, version);
        return { checks: [check], mutations };
      },
    };
  }

  async #write(batch: readonly Pushing[]): Promise<void> {
    const deadline = new Deadline({ timeout: DEFAULT_TIMEOUT }, this.#awaited);
    const arrivals = batch.map(({ arrival }) => arrival);
    const read = { space: "system", key: this.#keys.tail } as const;
    try {
      await ensureLayout(this.#engine);
      this.#tail ??= parseTail(await this.#engine.get(read.key, read.space));
      const first = await compareAndSet(deadline, async () => {
        const { id, version } = this.#tail!;
        const { check, mutations } = this.#append(arrivals, id, version);
        const result = await this.#engine.commit({ checks: [check], mutations, reads: [read] }, deadline.commit);
        this.#tail = parseTail(result.reads[0]![0]);
        return result.ok ? id + 1 : undefined;
      });
      for (const [i, { result }] of batch.entries()) result.resolve(first + i);
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
