import * as crypto from "node:crypto";
import { checkTtl } from "../../engine/check-commit.ts";
import type { Session, SessionOptions } from "../../engine/engine.ts";
import { Moment } from "../../engine/moment.ts";
import { StoreError } from "../../errors.ts";
import { LONGEST_TIMEOUT } from "../../limits.ts";
import type { Reply } from "./link.ts";
import { closedError } from "./redis-error.ts";
import { SHORTEST_SESSION } from "./support.ts";

const DEFAULT_TTL = 10_000;
/** What is left of a session's time when it counts as lost: a part of it, for clocks that run unevenly. */
const MARGIN = 0.15;
/** After a try to prolong a session that was not answered in its time. */
const RETRY_AFTER = 50;
/** How long a session's end is tried to be told to the server; after that it runs out by itself. */
const FAREWELL = 2000;

/** Runs an operation of the control script. */
export type Control = (
  operation: readonly string[],
  options: { readonly timeout: number; readonly mutates?: boolean; readonly keepAlive?: boolean },
) => Promise<Reply>;

/** The sessions of an engine: each a time on the server that its owner prolongs. */
export class Sessions {
  readonly #control: Control;
  readonly #open = new Map<string, RedisSession>();
  readonly #ended = new Set<string>();

  constructor(control: Control) {
    this.#control = control;
  }

  async open({ ttl = DEFAULT_TTL }: SessionOptions = {}): Promise<Session> {
    checkTtl(ttl);
    const life = Math.max(SHORTEST_SESSION, Math.ceil(ttl));
    const id = crypto.randomBytes(12).toString("hex");
    const begun = new Moment();
    // A try whose answer was lost leaves a session that runs out by itself.
    await this.#control(["open", id, String(life)], { timeout: 5000 });
    const session = new RedisSession(this.#control, id, life, begun, () => {
      this.#open.delete(id);
      this.#ended.add(id);
    });
    this.#open.set(id, session);
    return session;
  }

  /** Ends the sessions whose time may be over. */
  look(): void {
    for (const session of this.#open.values()) session.look();
  }

  /** Throws if it was a session of this engine and has ended. */
  assertOpen(id: string): void {
    this.#open.get(id)?.look();
    if (this.#ended.has(id))
      throw new StoreError(
        "ERR_STORE_SESSION_LOST",
        `The session ${id} has ended; nothing was written for it. Open another`,
      );
  }

  /** The server says that the session has ended. */
  lost(id: string): void {
    this.#open.get(id)?.lose("the server ended it");
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((session) => session.end(closedError())));
  }
}

/** Its owner is told before it can end on the server, by this machine's clocks. */
class RedisSession implements Session {
  readonly id: string;
  readonly #control: Control;
  readonly #ttl: number;
  readonly #abort = new AbortController();
  readonly #ended: () => void;
  /** When the request was sent whose answer is the newest proof that it lives. */
  #proved: Moment;
  #refresher: NodeJS.Timeout;
  #watchdog: NodeJS.Timeout;
  #farewell: Promise<void> | undefined;

  constructor(control: Control, id: string, ttl: number, proved: Moment, ended: () => void) {
    this.#control = control;
    this.id = id;
    this.#ttl = ttl;
    this.#proved = proved;
    this.#ended = ended;
    this.#refresher = this.#refreshLater();
    this.#watchdog = this.#watchLater();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  look(): void {
    if (this.#left() <= 0) this.lose(`the server did not prolong it within ${Math.round(this.#proved.ago)} ms`);
  }

  lose(why: string): void {
    const error = new StoreError(
      "ERR_STORE_SESSION_LOST",
      `The session ${this.id} was lost (${why}): its entries go, others may take what it held. Open another`,
    );
    // Perhaps it still lives on the server: then the others need not wait for its end.
    this.end(error).catch(() => {});
  }

  end(reason: StoreError): Promise<void> {
    this.#farewell ??= this.#end(reason);
    return this.#farewell;
  }

  async close(): Promise<void> {
    await this.end(new StoreError("ERR_STORE_CLOSED", "The session was closed: open another"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(reason: StoreError): Promise<void> {
    clearTimeout(this.#refresher);
    clearTimeout(this.#watchdog);
    this.#ended();
    if (!this.signal.aborted) this.#abort.abort(reason);
    try {
      await this.#control(["end", this.id], {
        timeout: FAREWELL,
        keepAlive: reason.code !== "ERR_STORE_SESSION_LOST",
      });
    } catch {
      // It ends by itself, after its time at the latest.
    }
  }

  /** Milliseconds until it counts as lost. */
  #left(): number {
    return this.#ttl * (1 - MARGIN) - this.#proved.ago;
  }

  #watchLater(): NodeJS.Timeout {
    const check = () => {
      this.look();
      if (!this.signal.aborted) this.#watchdog = this.#watchLater();
    };
    return setTimeout(check, Math.min(Math.max(1, this.#left()), LONGEST_TIMEOUT)).unref();
  }

  #refreshLater(delay = this.#ttl / 3): NodeJS.Timeout {
    return setTimeout(() => void this.#refresh(), Math.min(delay, LONGEST_TIMEOUT)).unref();
  }

  async #refresh(): Promise<void> {
    this.look();
    if (this.signal.aborted) return;
    const begun = new Moment();
    try {
      const timeout = Math.min(Math.max(50, this.#ttl / 3), LONGEST_TIMEOUT);
      const alive = await this.#control(["refresh", this.id, String(this.#ttl)], { timeout, keepAlive: false });
      this.look();
      if (this.signal.aborted) return;
      if (alive === 0) return this.lose("it has ended on the server");
      this.#proved = begun;
      this.#refresher = this.#refreshLater();
    } catch {
      if (!this.signal.aborted) this.#refresher = this.#refreshLater(RETRY_AFTER);
    }
  }
}
