import { randomBytes } from "node:crypto";
import type { Engine } from "../../engine/contract.ts";
import type { Value } from "../../engine/entry.ts";
import { checkValue } from "../../engine/limits.ts";
import { closedError } from "../../engine/standard-errors.ts";
import { invalidType, outOfRange, type StoreError } from "../../errors.ts";
import { decode, encode } from "../../structured-clone/encode.ts";
import { checkOptions } from "../../wait/options.ts";
import { LONGEST_TIMEOUT } from "../../wait/timeout.ts";
import type { Participant } from "../common/participant.ts";
import type { Step } from "../common/step.ts";
import { ChannelIterator } from "./iterator.ts";
import { channelPrefix } from "./key.ts";
import { ChannelListener } from "./listener.ts";
import { ChannelPoster } from "./poster.ts";

export interface ChannelOptions {
  /**
   * How many messages of this object are kept for listeners that are behind, and how many an iteration may be behind.
   * From 1 to 100,000. Default 1000.
   */
  readonly capacity?: number;
}

/** What the events of a channel are: `MessageEvent`s. The `data` of a `messageerror` is the error. */
export interface ChannelEvent<T> extends Event {
  readonly data: T;
}

type Handler<T> = ((this: Channel<T>, event: ChannelEvent<T>) => unknown) | null;

/** The channels that are about to listen: what is posted in this process meanwhile waits until they do. */
const openings = new WeakMap<Engine, Set<Promise<void>>>();

/*
 * Algorithm: total order by the store's versions (the sequencer of Chang and Maxemchuk, "Reliable Broadcast Protocols", 1984,
 * which is here the store); each message an entry of its own; bounded by its poster, as the topics of a log are.
 */

/**
 * A `BroadcastChannel` across processes (the HTML standard's interface): every other object of the name that listens when a
 * message is posted gets it, in this process or another, in one order that is the same for all, until it closes. Messages are
 * structured data, as by `structuredClone`, without transfers.
 *
 * It listens from the moment it has a listener (`onmessage`, `addEventListener("message", …)`, `for await`); `ready` tells when
 * the other processes' messages reach it. A message is kept until its poster has posted `capacity` others, and 60 s at the
 * most: a listener that is further behind gets a `messageerror` event whose `data` is a `StoreError` with the code
 * `ERR_STORE_LAGGING`, and then the messages that are still there; an iteration ends with that error. A message that could
 * not be written, or not be read, is a `messageerror` event too.
 */
export class Channel<T = unknown> extends EventTarget implements AsyncIterable<T>, AsyncDisposable {
  readonly name: string;
  readonly #participant: Participant;
  readonly #capacity: number;
  readonly #prefix: string;
  readonly #id = randomBytes(9).toString("base64url");
  readonly #poster: ChannelPoster;
  readonly #iterators = new Set<ChannelIterator<T>>();
  readonly #handlers = new Map<string, { handler: Handler<T>; listener: (event: Event) => void }>();
  #listener: ChannelListener | undefined;
  #isRef = true;
  #alive: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(participant: Participant, name: string, options: ChannelOptions = {}) {
    super();
    checkOptions(options, ["capacity"], "channel");
    const { capacity = 1000 } = options;
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    if (typeof capacity !== "number") throw invalidType("capacity", "a number", capacity);
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 100_000)
      throw outOfRange("capacity", "a whole number from 1 to 100000", capacity);
    this.name = name;
    this.#participant = participant;
    this.#capacity = capacity;
    this.#prefix = channelPrefix(name);
    this.#poster = new ChannelPoster({ engine: participant.engine, prefix: this.#prefix, id: this.#id, capacity });
  }

  /** Resolves when every message that anybody posts from then on is delivered here. Begins to listen. */
  get ready(): Promise<void> {
    this.#assertOpen();
    return this.#listen().ready;
  }

  get onmessage(): Handler<T> {
    return this.#handlers.get("message")?.handler ?? null;
  }

  set onmessage(handler: Handler<T>) {
    this.#setHandler("message", handler);
  }

  get onmessageerror(): Handler<T> {
    return this.#handlers.get("messageerror")?.handler ?? null;
  }

  set onmessageerror(handler: Handler<T>) {
    this.#setHandler("messageerror", handler);
  }

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    super.addEventListener(...args);
    if (args[0] === "message" && args[1] && !this.#closing) this.#listen();
  }

  /**
   * Posts, and does not wait: a failure is a `messageerror` event. Throws a `DataCloneError` for a message that is not data,
   * `ERR_STORE_CLOSED` after `close()`, a `RangeError` for what is above the engine's limit of a value.
   */
  postMessage(message: T): void {
    this.#post(message).catch((error) => this.#dispatch("messageerror", error));
  }

  /** Posts, and resolves when the message is written: whoever posts much should wait, because what waits is kept in memory. */
  async post(message: T): Promise<void> {
    await this.#post(message);
  }

  /** The post as a part of an atomic commit. */
  posting(message: T): Step {
    this.#assertOpen();
    return this.#poster.posting(this.#encode(message));
  }

  /** Keeps the process alive while it listens. The default. */
  ref(): this {
    this.#isRef = true;
    this.#keepAlive();
    return this;
  }

  /** Lets the process end although it listens. */
  unref(): this {
    this.#isRef = false;
    this.#keepAlive();
    return this;
  }

  /** The messages from now on. Ends when the channel is closed; throws when it falls behind. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    this.#assertOpen();
    const iterator = new ChannelIterator<T>(this.#capacity, () => this.#iterators.delete(iterator));
    this.#iterators.add(iterator);
    this.#listen();
    return iterator;
  }

  /** Delivers nothing any more, from now on; resolves when what was posted is written. Idempotent. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = this.#poster.idle();
      this.#listener?.close();
      for (const iterator of [...this.#iterators]) iterator.end();
      this.#keepAlive();
    }
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #post(message: T): Promise<void> {
    this.#assertOpen();
    const text = this.#encode(message);
    const opening = openings.get(this.#participant.engine);
    return this.#poster.post(text, opening?.size ? Promise.allSettled(opening) : undefined);
  }

  #encode(message: T): string {
    const text = encode(message);
    checkValue(text, this.#participant.engine.capabilities.limits);
    return text;
  }

  #listen(): ChannelListener {
    if (this.#listener) return this.#listener;
    const { engine } = this.#participant;
    const listener = new ChannelListener({
      engine,
      prefix: this.#prefix,
      own: `${this.#id}-`,
      message: (value) => this.#deliver(value),
      lagging: (error) => this.#fail(error),
      failed: (error) => this.#ended(error),
    });
    this.#listener = listener;
    const opening = openings.get(engine) ?? new Set();
    openings.set(engine, opening);
    opening.add(listener.ready);
    const opened = () => opening.delete(listener.ready);
    listener.ready.then(opened, opened);
    this.#keepAlive();
    return listener;
  }

  #deliver(value: Value): void {
    let data: T;
    try {
      data = decode(value) as T;
    } catch (error) {
      this.#dispatch("messageerror", error);
      return;
    }
    for (const iterator of [...this.#iterators]) iterator.push(data);
    this.#dispatch("message", data);
  }

  #fail(error: unknown): void {
    for (const iterator of [...this.#iterators]) iterator.fail(error);
    this.#dispatch("messageerror", error);
  }

  /** The store was closed, or is broken for good. */
  #ended(error: unknown): void {
    if ((error as StoreError).code === "ERR_STORE_CLOSED") for (const iterator of [...this.#iterators]) iterator.end();
    else this.#fail(error);
    void this.close();
  }

  #dispatch(type: "message" | "messageerror", data: unknown): void {
    const event = new MessageEvent(type, { data });
    // The constructor takes undefined for a missing value.
    if (data === undefined) Object.defineProperty(event, "data", { value: undefined, enumerable: true });
    this.dispatchEvent(event);
  }

  #setHandler(type: string, handler: Handler<T>): void {
    const set = this.#handlers.get(type);
    if (typeof handler !== "function") {
      if (set) this.removeEventListener(type, set.listener);
      this.#handlers.delete(type);
    } else if (set) set.handler = handler;
    else {
      const listener = (event: Event) => void this.#handlers.get(type)?.handler?.call(this, event as ChannelEvent<T>);
      this.#handlers.set(type, { handler, listener });
      this.addEventListener(type, listener);
    }
  }

  #keepAlive(): void {
    const keep = this.#listener !== undefined && this.#isRef && !this.#closing;
    if (keep) this.#alive ??= setInterval(() => {}, LONGEST_TIMEOUT);
    else {
      clearInterval(this.#alive);
      this.#alive = undefined;
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw closedError("channel", this.name);
  }
}
