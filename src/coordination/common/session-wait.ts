import type { Session } from "../../engine/contract.ts";
import { StoreError } from "../../errors.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { retryTransient } from "../../wait/transient.ts";
import type { Participant } from "./participant.ts";

/**
 * Calls `act` with the participant's session, and again with a new session when that one was lost. Rejects at the deadline,
 * and with any other error of `act`.
 */
export async function withSession<T>(
  participant: Participant,
  deadline: Deadline,
  act: (session: Session) => Promise<T>,
): Promise<T> {
  for (;;) {
    deadline.throwIfOver();
    try {
      return await act(await participant.session());
    } catch (error) {
      if (!isSessionLost(error)) throw error;
    }
  }
}

/**
 * Calls `remove`, which deletes the session's own entries, until it succeeds: for as long as the session lives, because its
 * end deletes them too.
 */
export async function deleteUntilGone(session: Session, remove: () => unknown): Promise<void> {
  try {
    await retryTransient([session.signal], remove);
  } catch (error) {
    if (!session.signal.aborted) throw error;
  }
}

/** Whether the session was lost, so that the call has to begin again with another one. */
export function isSessionLost(error: unknown): boolean {
  return error instanceof StoreError && error.code === "ERR_STORE_SESSION_LOST";
}

/** The reason for which the session ended, or the error if it lives: what a call met after the end is only a consequence. */
export function sessionErrorOr(session: Session, error: unknown): unknown {
  return session.signal.aborted ? session.signal.reason : error;
}
