import * as crypto from "node:crypto";
import type { Session, SessionOptions } from "../../engine/contract.ts";
import { LeasedSession } from "../../engine/leased-session.ts";
import { closedError } from "../../engine/standard-errors.ts";
import { checkTtl } from "../../engine/validate.ts";
import { StoreError } from "../../errors.ts";
import { Elapsed } from "../../wait/elapsed.ts";
import { SHORTEST_SESSION } from "./capabilities.ts";
import type { Reply } from "./protocol/wire.ts";

const DEFAULT_TTL = 10_000;
/** What is left of a session's time when it counts as lost: a part of it, for clocks that run unevenly. */
const MARGIN = 0.15;
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
  readonly #open = new Map<string, LeasedSession>();
  readonly #ended = new Set<string>();

  constructor(control: Control) {
    this.#control = control;
  }

  async open({ ttl = DEFAULT_TTL }: SessionOptions = {}): Promise<Session> {
    checkTtl(ttl);
    const life = Math.max(SHORTEST_SESSION, Math.ceil(ttl));
    const id = crypto.randomBytes(12).toString("hex");
    const begun = new Elapsed();
    // A try whose answer was lost leaves a session that runs out by itself.
    await this.#control(["open", id, String(life)], { timeout: 5000 });
    const session = new LeasedSession(
      {
        id,
        ttl: life,
        margin: life * MARGIN,
        prolong: async (timeout) =>
          (await this.#control(["refresh", id, String(life)], { timeout, keepAlive: false })) === 1,
        release: (keepAlive) => this.#control(["end", id], { timeout: FAREWELL, keepAlive }),
        ended: () => {
          this.#open.delete(id);
          this.#ended.add(id);
        },
      },
      begun,
    );
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
    await Promise.all([...this.#open.values()].map((session) => session.end(closedError("store"))));
  }
}
