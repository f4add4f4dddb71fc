import { unavailableError } from "../../../engine/standard-errors.ts";
import { DEFAULT_TIMEOUT } from "../../../wait/timeout.ts";
import { retryTransient } from "../../../wait/transient.ts";
import { Connection, type Server } from "../connect/connection.ts";
import type { Link } from "../connect/link.ts";
import { judgeReply, reasonOf } from "../connect/redis-error.ts";

/** What comes in, in the order in which it was published. */
export interface FeedEvents {
  /** On a channel that somebody subscribed to. */
  message(text: Buffer): void;
  /** On the channel of the engine's own. */
  pulse(text: Buffer): void;
  /** The connection was lost: what came after the last message may be missing. */
  lost(): void;
}

interface Place {
  count: number;
  /** Where it was subscribed last, and when that was so. */
  link: Link | undefined;
  confirmed: Promise<void>;
}

/** So many pulses were published and did not come: the connection is dead. */
const UNANSWERED = 3;

/** The channels to which an engine subscribes, on a connection of their own. Each is subscribed to once, for all who want it. */
export class Feed {
  /** The channel of the engine's own, for its pulses. */
  readonly own: string;
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #events: FeedEvents;
  readonly #places = new Map<string, Place>();
  #link: Link | undefined;
  #joining: Promise<Link> | undefined;
  #unanswered = 0;

  constructor(server: Server, own: string, events: FeedEvents) {
    this.own = own;
    this.#server = server;
    this.#events = events;
    this.#connection = new Connection(server, () => {
      this.#link = undefined;
      events.lost();
    });
  }

  /** The connection on which pulses come in; `undefined` while there is none. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Wants the channels, until they are dropped. */
  add(channels: readonly string[]): void {
    for (const channel of channels) {
      const place = this.#places.get(channel);
      if (place) place.count++;
      else this.#places.set(channel, { count: 1, link: undefined, confirmed: Promise.resolve() });
    }
  }

  drop(channels: readonly string[]): void {
    const unwanted = channels.filter((channel) => {
      const place = this.#places.get(channel);
      if (place === undefined || --place.count > 0) return false;
      this.#places.delete(channel);
      return place.link !== undefined && place.link === this.#link;
    });
    if (unwanted.length > 0) this.#link?.unsubscribe(unwanted, this.#heard).catch(() => {});
  }

  /**
   * Resolves once everything comes in that is published from now on, on the channels or (default) on all that are wanted.
   * Waits for a server that is away. Rejects with what another attempt would meet again, and when the signal is aborted.
   */
  async ready(signal: AbortSignal, channels?: readonly string[]): Promise<void> {
    signal.throwIfAborted();
    const attempt = async () => {
      this.#joining ??= this.#join().finally(() => {
        this.#joining = undefined;
      });
      const link = await this.#joining;
      await this.#confirm(link, channels ?? [...this.#places.keys()]);
    };
    await retryTransient([signal], attempt, { keepAlive: false });
  }

  /** A pulse was published on the server while this was the link, and so many connections were sent it. */
  pulsed(link: Link, receivers: number): void {
    if (link !== this.#link) return;
    // Nobody: this connection leads to another server, or to none.
    if (receivers === 0 || ++this.#unanswered >= UNANSWERED) link.destroy();
  }

  close(): void {
    this.#connection.close();
  }

  readonly #heard = (text: Buffer) => {
    this.#unanswered = 0;
    this.#events.message(text);
  };

  readonly #beat = (text: Buffer) => {
    this.#unanswered = 0;
    this.#events.pulse(text);
  };

  async #join(): Promise<Link> {
    const link = await this.#connection.connected({ timeout: DEFAULT_TIMEOUT, keepAlive: false });
    if (link === this.#link) return link;
    await this.#subscribe(link, [this.own], this.#beat);
    this.#unanswered = 0;
    this.#link = link;
    return link;
  }

  async #confirm(link: Link, channels: readonly string[]): Promise<void> {
    const wanted = channels.filter((channel) => this.#places.has(channel));
    const missing = wanted.filter((channel) => this.#places.get(channel)!.link !== link);
    if (missing.length > 0) {
      const confirmed = this.#subscribe(link, missing, this.#heard);
      for (const channel of missing) Object.assign(this.#places.get(channel)!, { link, confirmed });
    }
    await Promise.all(wanted.map((channel) => this.#places.get(channel)!.confirmed));
  }

  async #subscribe(link: Link, channels: readonly string[], listener: (text: Buffer) => void): Promise<void> {
    const name = `Redis at ${link.address}`;
    const { module, location } = this.#server;
    try {
      await link.subscribe(channels, listener);
    } catch (error) {
      const outcome = error instanceof module.ErrorReply ? judgeReply(error, name, location.safe) : undefined;
      if (outcome?.kind === "error") throw outcome.error;
      link.destroy();
      throw unavailableError(name, DEFAULT_TIMEOUT, reasonOf(error), error);
    }
    if (!link.alive) throw unavailableError(name, DEFAULT_TIMEOUT, "the connection was lost");
  }
}
