import { Holding, type HoldingOptions } from "../common/holding.ts";
import type { LockMode } from "./layout.ts";

export interface LockOptions extends HoldingOptions {
  readonly name: string;
  readonly mode: LockMode;
  readonly ownerDied: boolean;
}

/**
 * A held lock: the `Lock` of the Web Locks API, a handle for `await using`, and a fence. On an engine with leases `signal` is
 * aborted before the lease can have run out.
 */
export class Lock extends Holding {
  readonly name: string;
  readonly mode: LockMode;
  /**
   * The last exclusive holder ended without releasing: what the lock guards may be half done (the robust mutex's
   * `EOWNERDEAD`). Shared holders are told too, until an exclusive one has come, who is to put it in order.
   */
  readonly ownerDied: boolean;

  constructor({ name, mode, ownerDied, ...options }: LockOptions) {
    super(options);
    this.name = name;
    this.mode = mode;
    this.ownerDied = ownerDied;
  }
}
