import type { Awaitable } from "../../../engine/contract.ts";
import { backoff } from "../../../wait/backoff.ts";
import { busyError, isBusy, storeErrorFor } from "./sqlite-error.ts";

/*
 * Waiting for other writers. SQLite's own busy handler backs off up to 100 ms, so that one process wins again and again
 * while another waits for seconds; short pauses of random length are fair (`npm run bench -- --only contention`).
 */

/** Bounds of a pause, as `backoff` takes them, in milliseconds. */
const PAUSE = [0.1, 0.25] as const;
/** After this many milliseconds a writer has stopped in the middle of a write: then pause longer, to leave the processor alone. */
const PATIENCE = 250;
const PATIENT_PAUSE = [0.8, 2] as const;
/** The same for a pause by a timer. */
const PATIENT_TIMER = [4, 5] as const;
/** For this many milliseconds a call that leaves the event loop free tries again at each turn of it. */
const TURNS = 1;

/** How long calls that need not wait may follow one another before the event loop has its turn, in milliseconds. */
const LONGEST_SPELL = 5;

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Calls `attempt` until it is not busy, blocking in between; after `timeout` milliseconds throws `ERR_STORE_BUSY`. */
export function retryBlocking<T>(attempt: () => T, timeout: number, path: string): T {
  let started: number | undefined;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw storeErrorFor(error, path);
      const now = performance.now();
      started ??= now;
      if (now - started >= timeout) throw busyError(path, now - started, { cause: error });
      Atomics.wait(cell, 0, 0, Math.min(pause(now - started), timeout - (now - started)));
    }
  }
}

/**
 * The same with timers: the event loop stays free, also of a program that calls again and again without ever having to
 * wait. What need not wait is answered at once. An aborted `signal` ends the wait with its reason.
 */
export function retryWaiting<T>(
  attempt: () => T,
  timeout: number,
  path: string,
  signal: AbortSignal | undefined,
): Awaitable<T> {
  const overdue = overdueTurn();
  if (overdue === undefined) {
    signal?.throwIfAborted();
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw storeErrorFor(error, path);
    }
  }
  return retryLater(attempt, timeout, path, signal, overdue);
}

async function retryLater<T>(
  attempt: () => T,
  timeout: number,
  path: string,
  signal: AbortSignal | undefined,
  first: Promise<void> | undefined,
): Promise<T> {
  const started = performance.now();
  await (first ?? turn(0));
  for (;;) {
    signal?.throwIfAborted();
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw storeErrorFor(error, path);
      const waited = performance.now() - started;
      if (waited >= timeout) throw busyError(path, waited, { cause: error });
      await turn(waited);
    }
  }
}

let nextTurn: Promise<void> | undefined;
let spellBegan = 0;

/** The event loop's next turn, if its last one is so long ago that timers and I/O have waited enough. */
function overdueTurn(): Promise<void> | undefined {
  const now = performance.now();
  if (nextTurn !== undefined) return now - spellBegan < LONGEST_SPELL ? undefined : nextTurn;
  spellBegan = now;
  nextTurn = new Promise((resolve) => {
    setImmediate(() => {
      nextTurn = undefined;
      resolve();
    });
  });
  return undefined;
}

/** A turn of the event loop at first; a timer of a millisecond when that did not help. */
function turn(waited: number): Promise<void> {
  return new Promise((resolve) => {
    if (waited < TURNS) setImmediate(resolve);
    else setTimeout(resolve, waited > PATIENCE ? backoff(Infinity, ...PATIENT_TIMER) : 1);
  });
}

/** A pause of random length, which does not grow with the attempts: otherwise the longest waiter would have the worst chance. */
function pause(waited: number): number {
  const [shortest, longest] = waited > PATIENCE ? PATIENT_PAUSE : PAUSE;
  return backoff(Infinity, shortest, longest);
}
