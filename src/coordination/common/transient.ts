import type { Engine, Session } from "../../engine/contract.ts";
import type { Range } from "../../engine/entry.ts";
import { StoreError } from "../../errors.ts";
import { pause } from "../../wait/deadline.ts";
import { JoinedSignal } from "../../wait/joined-signal.ts";

/** How long to wait before a store that failed for the moment is asked again, in milliseconds. */
const PAUSE = 50;

/**
 * Resolves once something in the ranges may have changed since version `from`: also when that can no longer be told. The
 * caller reads how things stand and waits again. Rejects with the reason of the first of the signals that is aborted.
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

/**
 * Does a part of a wait that may be done again: a store that is busy or out of reach for a moment, or one that lost an
 * answer, does not end it.
 */
export async function steadily<T>(signals: readonly AbortSignal[], act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      for (const signal of signals) signal.throwIfAborted();
      if (!isPassing(error)) throw error;
      await pause(PAUSE, signals[0]!);
    }
  }
}

/**
 * Carries out what takes an owner's own entry away, until it has gone: a store that is busy or out of reach for a moment is
 * asked again, for as long as the session lives (after that there is nothing left to take away).
 */
export async function withdraw(session: Session, leave: () => unknown): Promise<void> {
  while (!session.signal.aborted) {
    try {
      await leave();
      return;
    } catch (error) {
      if (session.signal.aborted) return;
      if (!isPassing(error)) throw error;
      await pause(PAUSE, session.signal).catch(() => {});
    }
  }
}

/** Whether the commit that threw this may have been made. */
export function isUnknown(error: unknown): boolean {
  return error instanceof StoreError && error.code === "ERR_STORE_OUTCOME_UNKNOWN";
}

/** Whether the same may succeed later: the store is busy or out of reach for a moment, or it lost an answer. */
export function isPassing(error: unknown): boolean {
  return error instanceof StoreError && (error.retryable || isUnknown(error));
}

/** Whether the session was lost, so that another one has to begin anew. */
export function isSessionLost(error: unknown): boolean {
  return error instanceof StoreError && error.code === "ERR_STORE_SESSION_LOST";
}

/** The error, or how the session ended: then that is the reason, whatever the call that met it says. */
export function lossOr(session: Session, error: unknown): unknown {
  return session.signal.aborted ? session.signal.reason : error;
}
