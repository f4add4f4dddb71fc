import type { Participant } from "../coordination/participant.ts";
import type { Engine, Session } from "../engine/engine.ts";
import { openWatchingEngine } from "./open-engine.ts";

/** One that takes part in coordination: this program, with a session that is opened when it is needed, and anew after a loss. */
export class SessionHolder implements Participant {
  readonly engine: Engine;
  #session: Promise<Session> | undefined;

  private constructor(engine: Engine) {
    this.engine = engine;
  }

  static async open(location: string | undefined): Promise<SessionHolder> {
    return new SessionHolder(await openWatchingEngine(location));
  }

  async session(): Promise<Session> {
    const last = await this.#session;
    if (last === undefined || last.signal.aborted) this.#session = this.engine.openSession();
    return await this.#session!;
  }

  /** Ends the session and what it holds. */
  async close(): Promise<void> {
    await this.engine.close();
  }
}
