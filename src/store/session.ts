import type { Participant } from "../coordination/common/participant.ts";
import type { Engine, Session, SessionOptions } from "../engine/contract.ts";

/** An open store's engine with its session: opened when first needed, one for all that the store does, anew after a loss. */
export class StoreSession implements Participant {
  readonly engine: Engine;
  readonly #options: SessionOptions;
  #opening: Promise<Session> | undefined;

  constructor(engine: Engine, options: SessionOptions = {}) {
    this.engine = engine;
    this.#options = options;
  }

  async session(): Promise<Session> {
    for (;;) {
      this.#opening ??= this.engine.openSession(this.#options);
      const opening = this.#opening;
      try {
        const session = await opening;
        if (!session.signal.aborted) return session;
      } catch (error) {
        if (this.#opening === opening) this.#opening = undefined;
        throw error;
      }
      if (this.#opening === opening) this.#opening = undefined;
    }
  }
}
