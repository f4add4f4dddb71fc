import type { Engine } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { pages } from "../../engine/pages.ts";
import { invalidType, outOfRange } from "../../errors.ts";
import { decode } from "../../structured-clone/encode.ts";
import { compareAndSet } from "../../wait/compare-and-set.ts";
import { Deadline } from "../../wait/deadline.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import { checkLayout } from "../common/layout-version.ts";
import { jobId, type QueueKeys, readRecord } from "./keys.ts";
import type { QueuePusher } from "./pusher.ts";

/** A job that is not tried any more. */
export interface DeadLetter<T = unknown> {
  readonly id: number;
  readonly value: T;
  /** How many attempts it had. */
  readonly attempts: number;
  /** Why the last attempt failed, in words; absent if its worker died or said nothing. */
  readonly error?: string;
  /** When it died, in milliseconds since the epoch. */
  readonly died: number;
}

/** The dead letters of a queue, in the order in which the jobs were pushed. They stay until somebody takes them out. */
export class DeadLetters<T = unknown> implements AsyncIterable<DeadLetter<T>> {
  readonly #engine: Engine;
  readonly #keys: QueueKeys;
  readonly #pusher: QueuePusher;

  constructor(engine: Engine, keys: QueueKeys, pusher: QueuePusher) {
    this.#engine = engine;
    this.#keys = keys;
    this.#pusher = pusher;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DeadLetter<T>> {
    await checkLayout(this.#engine);
    for await (const entries of pages(this.#engine, { space: "system", prefix: this.#keys.part("dead") }))
      for (const entry of entries) {
        const { value, attempts, error, died = 0 } = readRecord(entry);
        const letter = { id: jobId(entry.key), value: decode(value) as T, attempts, died };
        yield error === undefined ? letter : { ...letter, error };
      }
  }

  /** Pushes it again, at the end and with all its attempts; whether there was one. */
  async requeue(id: number): Promise<boolean> {
    const deadline = new Deadline({ timeout: DEFAULT_TIMEOUT }, `the requeue of job ${id}`);
    try {
      return await compareAndSet(deadline, async () => {
        const entry = await this.#get(id);
        if (!entry) return false;
        const place = { space: "system", key: entry.key } as const;
        const { value, limit } = readRecord(entry);
        const record = { value, attempts: 0, limit, from: Date.now() };
        const { checks, mutations } = await this.#pusher.pushing(() => ({ record, delayed: false })).prepare();
        const { ok } = await this.#engine.commit(
          {
            checks: [...checks, { ...place, version: entry.version }],
            mutations: [...mutations, { type: "delete", ...place }],
          },
          deadline.commit,
        );
        return ok || undefined;
      });
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** Deletes it; whether there was one. */
  async discard(id: number): Promise<boolean> {
    const entry = await this.#get(id);
    if (!entry) return false;
    const place = { space: "system", key: entry.key } as const;
    const checks = [{ ...place, version: entry.version }];
    return (await this.#engine.commit({ checks, mutations: [{ type: "delete", ...place }] })).ok;
  }

  async #get(id: number): Promise<Entry | undefined> {
    if (typeof id !== "number") throw invalidType("id", "a job's id", id);
    if (!Number.isSafeInteger(id) || id < 1) throw outOfRange("id", "a job's id: a whole number from 1", id);
    await checkLayout(this.#engine);
    return this.#engine.get(this.#keys.dead(id), "system");
  }
}
