import type { Engine, Session } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import type { Deadline } from "../../wait/deadline.ts";
import { abandonEntry } from "../common/session.ts";
import { untilAnswered } from "../common/until-answered.ts";
import { checkEntry, type LockLayout } from "./layout.ts";
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
 * Takes the lock from its holders; those who wait keep their places. First the thief entry stops all grants: that is the
 * thief's own grant, and the next thief takes it from there. Then the holders' entries are deleted, which makes their fences
 * fail, and each of them is notified; a thief that was overtaken leaves that to the next one.
 */
export async function steal(
  engine: Engine,
  session: Session,
  layout: LockLayout,
  id: number,
  deadline: Deadline,
): Promise<Theft> {
  const set = layout.setThief(session.id, id);
  const isOwn = (entry: Entry | undefined) => entry?.session === session.id && entry.value === set.value;
  try {
    const { own, former, others, holder } = await enter();
    const isAlive =
      holder?.value === layout.thief ? former !== undefined : others.some(({ key }) => key === holder?.value);
    const ownerDied = holder !== undefined && !isAlive;
    const grant = { key: layout.thief, version: own.version, token: own.version, ownerDied };
    const checks = [checkEntry(layout.thief, own)];
    const holders = others.filter((entry) => layout.isRequest(entry.key) && layout.isGranted(entry, holder));
    const reads = [{ space: "system", key: layout.thief }] as const;
    for (let at = 0; at === 0 || at < holders.length; at += VICTIMS) {
      const mutations = [layout.setHolder(layout.thief)];
      for (const { key, session: victim, version } of holders.slice(at, at + VICTIMS)) {
        mutations.push({ type: "delete", space: "system", key });
        mutations.push(notify(victim!, key === holder?.value ? holder.version : version));
      }
      const result = await untilAnswered(() => engine.commit({ checks, mutations, reads }, deadline.commit));
      if (result.ok) continue;
      // The entry went with the session, or by a thief: if that one has gone already too, the notice tells of it.
      session.signal.throwIfAborted();
      return { grant, isRobbed: result.reads[0]!.length > 0 };
    }
    return { grant, isRobbed: false };
  } catch (error) {
    // Nobody else is granted the lock as long as the thief entry is there.
    await abandonEntry(engine, session, layout.thief, set.value as string);
    throw error;
  }

  /** Sets the thief entry. `former` is the entry of the thief before, which was overwritten. */
  async function enter() {
    let former: Entry | undefined;
    for (;;) {
      deadline.throwIfOver();
      const mutations = former ? [set, notify(former.session!, former.version)] : [set];
      const commit = { checks: [checkEntry(layout.thief, former)], mutations, reads: [layout.whole] };
      const result = await untilAnswered(() => engine.commit(commit, deadline.commit));
      const others = result.reads[0]!;
      const thief = others.find(({ key }) => key === layout.thief);
      // It may be there although the answer was lost.
      if (result.ok || isOwn(thief)) {
        return { own: thief!, former, others, holder: others.find(({ key }) => key === layout.holder) };
      }
      former = thief;
    }
  }
}
