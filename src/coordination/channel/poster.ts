import { Buffer } from "node:buffer";
import type { Engine, Mutation } from "../../engine/contract.ts";
import { batchLimits } from "../../engine/limits.ts";
import { Batches, type Call } from "../common/batches.ts";
import { ensureLayout } from "../common/layout-version.ts";
import type { Step } from "../common/step.ts";
import { untilAnswered } from "../common/until-answered.ts";
import { type MessageKey, messageKey, RETENTION } from "./key.ts";

/** How often a commit is made whose answer was lost. */
const ATTEMPTS = 3;

interface Posting extends Call<void> {
  readonly text: string;
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
 * next one. A message is an entry of its own, so that posters never contend; each deletes its own oldest ones with the new.
 */
export class ChannelPoster {
  readonly #options: PosterOptions;
  readonly #postings: Batches<void, Posting>;
  /** The newest messages that were written, the oldest first. */
  readonly #kept: string[] = [];
  #number = 0;
  #steps = 0;

  constructor(options: PosterOptions) {
    this.#options = options;
    // A message costs a set and a delete; there is one check.
    const limits = batchLimits(options.engine.capabilities.limits, 2, 1);
    this.#postings = new Batches((batch) => this.#write(batch), limits);
  }

  /** Resolves when it is written, which is not before `after` has settled. */
  post(text: string, after?: Promise<unknown>): Promise<void> {
    const bytes = Buffer.byteLength(text);
    return this.#postings.add({ text, bytes, after, result: Promise.withResolvers() });
  }

  /** The post as a part of an atomic commit. */
  posting(text: string): Step {
    const { engine, prefix, id } = this.#options;
    const stream = `${id}-${++this.#steps}`;
    return {
      engine,
      prepare: async () => {
        await ensureLayout(engine);
        const key = messageKey(prefix, { stream, number: 1, at: Date.now() });
        return { checks: [], mutations: [this.#set(key, text)] };
      },
    };
  }

  /** Resolves when nothing is left to be written. */
  idle(): Promise<void> {
    return this.#postings.idle();
  }

  async #write(batch: readonly Posting[]): Promise<void> {
    const { engine, prefix, id, capacity } = this.#options;
    await ensureLayout(engine);
    const at = Date.now();
    const keys = batch.map(() => {
      const key: MessageKey = { stream: `${id}-0`, number: ++this.#number, at };
      return messageKey(prefix, key);
    });
    const mutations = batch.map(({ text }, i) => this.#set(keys[i]!, text));
    const superfluous = this.#kept.slice(0, Math.max(0, this.#kept.length + keys.length - capacity));
    for (const key of superfluous.slice(0, keys.length)) mutations.push({ type: "delete", space: "system", key });
    // The check keeps a second attempt from writing again, later, what the first one wrote.
    const first = { space: "system", key: keys[0]! } as const;
    const commit = { checks: [{ ...first, version: 0 }], mutations };
    await untilAnswered(() => engine.commit(commit), ATTEMPTS);
    this.#kept.splice(0, Math.min(superfluous.length, keys.length));
    this.#kept.push(...keys);
    for (const { result } of batch) result.resolve();
  }

  #set(key: string, value: string): Mutation {
    const ttl = Math.max(RETENTION, this.#options.engine.capabilities.ttlMinimum);
    return { type: "set", space: "system", key, value, ttl };
  }
}
