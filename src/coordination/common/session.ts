import type { Awaitable, Engine, Session } from "../../engine/contract.ts";
import { StoreError } from "../../errors.ts";
import { Deadline } from "../../wait/deadline.ts";
import { isOutcomeUnknown, retryTransient } from "../../wait/transient.ts";
import { ensureLayout } from "./layout-version.ts";
import type { Participant } from "./participant.ts";

/** For how long a store that does not answer holds up a caller that no longer waits, in milliseconds. */
const LONGEST_ABANDON = 1000;

/** The participant's session, after a check of the store's layout. */
export async function openSession(participant: Participant, deadline: Deadline): Promise<Session> {
  await deadline.within(ensureLayout(participant.engine));
  return deadline.within(participant.session());
}

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
      return await act(await openSession(participant, deadline));
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "ERR_STORE_SESSION_LOST")) throw error;
    }
  }
}

/**
 * Calls `remove`, which deletes the session's own entries, until it succeeds, and returns its result. Goes on for as long as
 * the session lives, because its end deletes them too: then the result is `undefined`. `remove` is told whether an earlier
 * attempt may have been applied although its answer was lost.
 */
export async function deleteUntilGone<T>(
  session: Session,
  remove: (mayBeDone: boolean) => Awaitable<T>,
): Promise<T | undefined> {
  let mayBeDone = false;
  try {
    return await retryTransient([session.signal], async () => {
      try {
        return await remove(mayBeDone);
      } catch (error) {
        mayBeDone ||= isOutcomeUnknown(error);
        throw error;
      }
    });
  } catch (error) {
    if (!session.signal.aborted) throw error;
    return undefined;
  }
}

/**
 * Deletes what a wait that failed has left in the store. It holds its caller up for a second at most, and goes on in the
 * background until the entries are gone or the session has ended. Returns the result of `remove` if it came in time.
 */
export async function abandon<T>(session: Session, remove: () => Awaitable<T>): Promise<T | undefined> {
  if (session.signal.aborted) return undefined;
  const deadline = new Deadline({ timeout: LONGEST_ABANDON }, "an abandoned entry to be deleted");
  try {
    return await deadline.within(deleteUntilGone(session, remove));
  } catch {
    // The caller throws the error that ended its wait. A store that is closed or broken ends the session, and with it the entries.
    return undefined;
  } finally {
    deadline[Symbol.dispose]();
  }
}

/** Abandons the entry that a failed commit may have set, which its value shows. */
export async function abandonEntry(engine: Engine, session: Session, key: string, value: string): Promise<void> {
  const place = { space: "system", key } as const;
  await abandon(session, async () => {
    const entry = await engine.get(key, "system");
    if (entry?.value !== value || entry.session !== session.id) return;
    const checks = [{ ...place, version: entry.version }];
    await engine.commit({ checks, mutations: [{ type: "delete", ...place }] });
  });
}

/** The reason for which the session ended, or the error if it lives: what a call met after the end is only a consequence. */
export function sessionErrorOr(session: Session, error: unknown): unknown {
  return session.signal.aborted ? session.signal.reason : error;
}
