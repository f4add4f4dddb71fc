import { Buffer } from "node:buffer";
import type { Engine, Mutation } from "../../engine/contract.ts";
import { isOutcomeUnknown } from "../../wait/transient.ts";
import type { Step } from "../common/step.ts";
import { type MessageKey, messageKey, RETENTION } from "./key.ts";

/** The most messages in one commit, and their bytes where the engine takes that many. */
const BATCH = 64;
const BATCH_BYTES = 1024 * 1024;

interface Posting {
  readonly text: string;
  /** It must not be written before this has settled. */
  readonly after: Promise<unknown> | undefined;
  readonly result: PromiseWithResolvers<void>;
}

export interface PosterOptions {
  readonly engine: Engine;
  readonly prefix: string;
  /** Begins the names of its streams. */
  readonly id: string;
  /** How many of its messages are kept. */
  readonly capacity: number;
}

/**
 * Writes the messages of one channel object, in their order: those that come while a commit is under way go together in the
 * next one. A message is an entry of its own, so that posters never contend; each takes its own eldest away with the new.
 */
export class ChannelPoster {
  readonly #options: PosterOptions;
  readonly #waiting: Posting[] = [];
  /** The newest messages that were written, the eldest first. */
  readonly #kept: string[] = [];
  #number = 0;
  #steps = 0;
  #working: Promise<void> | undefined;

  constructor(options: PosterOptions) {
    this.#options = options;
  }

  /** Resolves when it is written. */
  post(text: string, after?: Promise<unknown>): Promise<void> {
    const posting: Posting = { text, after, result: Promise.withResolvers() };
    this.#waiting.push(posting);
    this.#working ??= this.#work();
    return posting.result.promise;
  }

  /** The post as a part of an atomic commit. */
  posting(text: string): Step {
    const { engine, prefix, id } = this.#options;
    const stream = `${id}-${++this.#steps}`;
    return {
      engine,
      prepare: () => {
        const key = messageKey(prefix, { stream, number: 1, at: Date.now() });
        return { checks: [], mutations: [this.#set(key, text)] };
      },
    };
  }

  /** Resolves when nothing is left to be written. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#waiting[0]!.after;
      const batch = this.#nextBatch();
      try {
        await this.#write(batch);
        for (const { result } of batch) result.resolve();
      } catch (error) {
        for (const { result } of batch) result.reject(error);
      }
    }
    this.#working = undefined;
  }

  #nextBatch(): Posting[] {
    const { commitOperations, commitBytes } = this.#options.engine.capabilities.limits;
    // A message costs a set and a delete; there is one check.
    const most = Math.max(1, Math.min(BATCH, Math.floor((commitOperations - 1) / 2)));
    const mostBytes = Math.min(BATCH_BYTES, commitBytes / 2);
    let count = 0;
    for (let bytes = 0; count < Math.min(most, this.#waiting.length); count++) {
      const { text, after } = this.#waiting[count]!;
      bytes += Buffer.byteLength(text);
      if (count > 0 && (bytes > mostBytes || after !== this.#waiting[0]!.after)) break;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(batch: readonly Posting[]): Promise<void> {
    const { engine, prefix, id, capacity } = this.#options;
    const at = Date.now();
    const keys = batch.map(() => {
      const key: MessageKey = { stream: `${id}-0`, number: ++this.#number, at };
      return messageKey(prefix, key);
    });
    const mutations = batch.map(({ text }, i) => this.#set(keys[i]!, text));
    const superfluous = this.#kept.slice(0, Math.max(0, this.#kept.length + keys.length - capacity));
    for (const key of superfluous.slice(0, keys.length)) mutations.push({ type: "delete", space: "system", key });
    // The check keeps a second try from writing again, later, what the first one wrote.
    const first = { space: "system", key: keys[0]! } as const;
    for (let tries = 1; ; tries++) {
      try {
        await engine.commit({ checks: [{ ...first, version: 0 }], mutations });
        break;
      } catch (error) {
        if (!isOutcomeUnknown(error) || tries === 3) throw error;
      }
    }
    this.#kept.splice(0, Math.min(superfluous.length, keys.length));
    this.#kept.push(...keys);
  }

  #set(key: string, value: string): Mutation {
    const ttl = Math.max(RETENTION, this.#options.engine.capabilities.ttlMinimum);
    return { type: "set", space: "system", key, value, ttl };
  }
}
