import type { Engine } from "../../engine/contract.ts";
import type { Change, Entry } from "../../engine/entry.ts";
import { closedError } from "../../engine/standard-errors.ts";
import { StoreError } from "../../errors.ts";
import { retryTransient } from "../../wait/transient.ts";
import { checkLayout } from "../common/layout-version.ts";
import { type MessageKey, parseMessageKey, RETENTION } from "./key.ts";

/** Above this many streams those that were silent for long are forgotten. */
const MANY_STREAMS = 1000;

export interface ListenerOptions {
  readonly engine: Engine;
  readonly prefix: string;
  /** The streams whose names begin with this are one's own: their messages are not delivered. */
  readonly own: string;
  /** Delivers the value of a message. */
  readonly message: (value: Entry["value"]) => void;
  /** Tells that messages were lost. */
  readonly lagging: (error: StoreError) => void;
  /** Tells that it has ended by itself. */
  readonly failed: (error: unknown) => void;
}

interface Stream {
  /** The newest message that was delivered, or was there before. */
  number: number;
  /** When that was posted. */
  at: number;
}

/**
 * Delivers the messages of a channel that are posted from a certain moment on, in the order of their versions, which is the
 * same for all listeners; messages of one commit come in the order in which they were posted. A message that goes before it
 * was delivered is a loss, and that is told.
 */
export class ChannelListener {
  /** Resolves when everything that is posted from then on will be delivered. */
  readonly ready: Promise<void>;
  readonly #options: ListenerOptions;
  readonly #stop = new AbortController();
  readonly #streams = new Map<string, Stream>();
  /** What has this version or an earlier one was delivered; `undefined`: it listens from now on. */
  #position: number | undefined;
  #since = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ready.catch(() => {});
    this.#listen(ready.resolve).catch((error) => {
      ready.reject(error);
      if (!this.#stop.signal.aborted) options.failed(error);
    });
  }

  close(): void {
    this.#stop.abort(closedError("channel"));
  }

  async #listen(begun: () => void): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      try {
        await retryTransient([signal], async () => {
          this.#position ??= await this.#begin();
          begun();
          await this.#follow(this.#position);
        });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof StoreError && error.code === "ERR_STORE_HISTORY_LOST")) throw error;
        this.#position = undefined;
        this.#options.lagging(lagging(error));
      }
    }
  }

  /** Learns which messages are there already. */
  async #begin(): Promise<number> {
    const { engine, prefix } = this.#options;
    this.#since = Date.now();
    const [{ entries, version }] = await Promise.all([engine.list({ space: "system", prefix }), checkLayout(engine)]);
    this.#streams.clear();
    for (const { key } of entries) this.#seen(parseMessageKey(prefix, key));
    return version;
  }

  async #follow(from: number): Promise<void> {
    const { engine, prefix } = this.#options;
    const { signal } = this.#stop;
    const batches = engine.watch([{ space: "system", prefix }], { from, signal, keepAlive: false });
    for await (const batch of batches) {
      this.#deliver(batch);
      for (const { version } of batch) this.#position = Math.max(this.#position!, version);
    }
  }

  #deliver(batch: readonly Change[]): void {
    const { prefix, own, message } = this.#options;
    const sets: { entry: Entry; key: MessageKey }[] = [];
    const gone = new Map<string, MessageKey>();
    for (const change of batch) {
      const key = parseMessageKey(prefix, change.key);
      if (change.type === "delete") gone.set(change.key, key);
      else if (this.#isNew(key)) sets.push({ entry: change.entry, key });
    }
    for (const { entry } of sets) gone.delete(entry.key);
    for (const key of gone.values())
      if (this.#isNew(key) && key.at + RETENTION > this.#since && !key.stream.startsWith(own)) {
        this.#options.lagging(lagging());
        break;
      }
    for (const key of gone.values()) if (this.#isNew(key)) this.#seen(key);
    sets.sort((a, b) => a.entry.version - b.entry.version || compare(a.key, b.key));
    for (const { entry, key } of sets) {
      if (this.#stop.signal.aborted) return;
      this.#seen(key);
      if (!key.stream.startsWith(own)) message(entry.value);
    }
    if (this.#streams.size > MANY_STREAMS) this.#forget();
  }

  #isNew({ stream, number }: MessageKey): boolean {
    return number > (this.#streams.get(stream)?.number ?? 0);
  }

  #seen({ stream, number, at }: MessageKey): void {
    const known = this.#streams.get(stream);
    if (!known) this.#streams.set(stream, { number, at });
    else if (number > known.number) Object.assign(known, { number, at });
  }

  /** Forgets the streams of which nothing is left in the store. */
  #forget(): void {
    const before = Date.now() - 3 * RETENTION;
    for (const [name, { at }] of this.#streams) if (at < before) this.#streams.delete(name);
  }
}

function compare(a: MessageKey, b: MessageKey): number {
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.number - b.number;
}

function lagging(cause?: unknown): StoreError {
  return new StoreError(
    "ERR_STORE_LAGGING",
    "This listener fell too far behind: messages were dropped before it read them. It goes on with those that are still there; " +
      "handle messages faster, or give the posters a larger capacity",
    { cause },
  );
}
