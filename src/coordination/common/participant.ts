import type { Engine, Session } from "../../engine/contract.ts";

/** What a primitive needs of the store handle that it belongs to. */
export interface Participant {
  readonly engine: Engine;
  /**
   * The handle's session: opened at the first call, shared by all its primitives, opened anew after it was lost.
   * Rejects with `ERR_STORE_CLOSED` when the handle is closed.
   */
  session(): Promise<Session>;
}
