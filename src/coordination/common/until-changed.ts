import type { Engine } from "../../engine/contract.ts";
import type { Range } from "../../engine/range.ts";
import { StoreError } from "../../errors.ts";
import { JoinedSignal } from "../../wait/joined-signal.ts";

/**
 * Resolves once something in the ranges may have changed since version `from`: also when that can no longer be determined.
 * The caller then reads the state and waits again. Rejects with the reason of the first signal that is aborted.
 */
export async function untilChanged(
  engine: Engine,
  ranges: readonly Range[],
  from: number,
  signals: readonly AbortSignal[],
  options: { readonly keepAlive?: boolean } = {},
): Promise<void> {
  const stop = new JoinedSignal(signals);
  try {
    stop.signal.throwIfAborted();
    const changes = engine.watch(ranges, { ...options, from, signal: stop.signal });
    try {
      await changes.next();
    } finally {
      await changes.return?.();
    }
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    if (!(error instanceof StoreError) || error.code !== "ERR_STORE_HISTORY_LOST") throw error;
  } finally {
    stop[Symbol.dispose]();
  }
}
