import type { CommitResult, Engine, Session } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { isOutcomeUnknown } from "../../wait/transient.ts";
import { deleteUntilGone } from "../common/session-wait.ts";
import { checkEntry, type LockEntries } from "./layout.ts";
import type { Grant } from "./request.ts";
import { notify } from "./theft-notices.ts";

/** How many holders one commit takes the lock from: two operations each, with a small engine's limit in mind. */
const VICTIMS = 50;

export interface Theft {
  readonly grant: Grant;
  /** Whether another thief is known to have come in between: the lock was granted, and is lost. */
  readonly isRobbed: boolean;
}

/**
 * Takes the lock from whoever holds it; those who wait keep their places. First the thief's entry stops all grants: that is the
 * thief's own grant, and the next thief takes it from there. Then the holders' entries go, which makes their fences fail, and
 * each of them is told; a thief that was overtaken leaves that to the next one.
 */
export async function steal(
  engine: Engine,
  session: Session,
  entries: LockEntries,
  id: number,
  deadline: Deadline,
): Promise<Theft> {
  const { own, former, others, mark } = await stop(engine, session, entries, id, deadline);
  const isAlive = mark?.value === entries.force ? former !== undefined : others.some(({ key }) => key === mark?.value);
  const ownerDied = mark !== undefined && !isAlive;
  const grant = { key: entries.force, version: own.version, token: own.version, ownerDied };
  try {
    const holders = others.filter((entry) => entries.isRequest(entry.key) && entries.isGranted(entry, mark));
    const checks = [checkEntry(entries.force, own)];
    const reads = [{ space: "system", key: entries.force }] as const;
    for (let at = 0; at === 0 || at < holders.length; at += VICTIMS) {
      const mutations = [entries.setMark(entries.force)];
      for (const { key, session: victim, version } of holders.slice(at, at + VICTIMS)) {
        mutations.push({ type: "delete", space: "system", key });
        mutations.push(notify(victim!, key === mark?.value ? mark.version : version));
      }
      const result = await repeatedly(() => engine.commit({ checks, mutations, reads }, deadline.commit));
      if (result.ok) continue;
      // The entry went with the session, or by a thief: if that one has gone already too, the notice tells of it.
      session.signal.throwIfAborted();
      return { grant, isRobbed: result.reads[0]!.length > 0 };
    }
    return { grant, isRobbed: false };
  } catch (error) {
    // Nobody else is granted the lock as long as the thief's entry is there.
    const deletion = { type: "delete", space: "system", key: entries.force } as const;
    const leave = () => engine.commit({ checks: [checkEntry(entries.force, own)], mutations: [deletion] });
    deleteUntilGone(session, leave).catch(() => {});
    throw error;
  }
}

interface Stop {
  readonly own: Entry;
  /** The entry of the thief before, which was overwritten. */
  readonly former: Entry | undefined;
  readonly others: readonly Entry[];
  readonly mark: Entry | undefined;
}

/** Puts the thief's entry there. */
async function stop(
  engine: Engine,
  session: Session,
  entries: LockEntries,
  id: number,
  deadline: Deadline,
): Promise<Stop> {
  const set = entries.setForce(session.id, id);
  let former: Entry | undefined;
  for (;;) {
    deadline.throwIfOver();
    const mutations = former ? [set, notify(former.session!, former.version)] : [set];
    const commit = { checks: [checkEntry(entries.force, former)], mutations, reads: [entries.whole] };
    const result = await repeatedly(() => engine.commit(commit, deadline.commit));
    const all = result.reads[0]!;
    const force = all.find(({ key }) => key === entries.force);
    // It may be there although the answer was lost.
    if (result.ok || (force?.session === session.id && force.value === set.value)) {
      return { own: force!, former, others: all, mark: all.find(({ key }) => key === entries.mark) };
    }
    former = force;
  }
}

/** Commits again what may have been made: it is safe because of its checks. */
async function repeatedly(commit: () => CommitResult | Promise<CommitResult>): Promise<CommitResult> {
  for (;;) {
    try {
      return await commit();
    } catch (error) {
      if (!isOutcomeUnknown(error)) throw error;
    }
  }
}
