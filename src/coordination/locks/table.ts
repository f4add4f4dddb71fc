import type { Engine } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { checkLayout } from "../common/layout-version.ts";
import type { Owner } from "../common/owner.ts";
import { ALL_LOCKS, LockLayout, type LockMode, readRecord } from "./layout.ts";

/** Who holds a lock or waits for it. */
export interface LockParty extends Owner {
  readonly name: string;
  readonly mode: LockMode;
  /** The session: one open store in a process. */
  readonly session: string;
  /** Of a holder: the fencing token. */
  readonly token?: number;
}

/** A lock that somebody holds or waits for. */
export interface LockState {
  readonly name: string;
  /** In the order of the grants. */
  readonly held: LockParty[];
  /** The next one first. */
  readonly waiting: LockParty[];
}

/** The holders and the waiters of all locks now, read at one version; by name. */
export async function lockTable(engine: Engine): Promise<LockState[]> {
  await checkLayout(engine);
  const { entries } = await engine.list({ ...ALL_LOCKS, order: "created" });
  const byName = new Map<string, Entry[]>();
  for (const entry of entries) {
    const escaped = entry.key.split("/", 2)[1]!;
    const others = byName.get(escaped);
    if (others) others.push(entry);
    else byName.set(escaped, [entry]);
  }
  const states: LockState[] = [];
  for (const group of byName.values()) {
    const state = stateOf(group);
    if (state) states.push(state);
  }
  return states;
}

/** `undefined` if there is nothing but the record of a dead holder. */
function stateOf(group: readonly Entry[]): LockState | undefined {
  const first = group.find((entry) => entry.session !== undefined);
  if (!first) return undefined;
  const layout = LockLayout.of(first.key);
  const holder = group.find(({ key }) => key === layout.holder);
  const held: LockParty[] = [];
  const waiting: LockParty[] = [];
  for (const entry of group) {
    if (entry === holder) continue;
    const { pid, host, command, since } = readRecord(entry);
    const party = {
      name: layout.name,
      mode: layout.modeOf(entry.key),
      pid,
      host,
      command,
      since,
      session: entry.session!,
    };
    const token = entry.key === holder?.value && entry.key !== layout.thief ? holder.version : entry.version;
    if (layout.isGranted(entry, holder)) held.push({ ...party, token });
    else waiting.push(party);
  }
  held.sort((a, b) => a.token! - b.token!);
  return { name: layout.name, held, waiting };
}

/** One who waits, and the lock that the next one of the cycle holds, or waits for before it. */
export interface DeadlockLink {
  readonly waiter: LockParty;
  readonly blocker: LockParty;
}

/**
 * A cycle of sessions each of which waits for the next one, if there is one: what is held by parts of one program that do
 * not wait for each other looks the same, so it is a suspicion where sessions do several things at once. (Depth-first search of
 * the wait-for graph: Holt, "Some Deadlock Properties of Computer Systems", 1972.)
 */
export function findDeadlock(table: readonly LockState[]): DeadlockLink[] | undefined {
  const links = new Map<string, DeadlockLink[]>();
  for (const { held, waiting } of table) {
    waiting.forEach((waiter, place) => {
      const before = [...held, ...waiting.slice(0, place)];
      for (const blocker of before) {
        const agree = waiter.mode === "shared" && blocker.mode === "shared";
        if (agree || blocker.session === waiter.session) continue;
        const list = links.get(waiter.session);
        if (list) list.push({ waiter, blocker });
        else links.set(waiter.session, [{ waiter, blocker }]);
      }
    });
  }
  const done = new Set<string>();
  const path: DeadlockLink[] = [];
  const visit = (session: string): DeadlockLink[] | undefined => {
    const start = path.findIndex(({ waiter }) => waiter.session === session);
    if (start !== -1) return path.slice(start);
    if (done.has(session)) return undefined;
    for (const link of links.get(session) ?? []) {
      path.push(link);
      const cycle = visit(link.blocker.session);
      if (cycle) return cycle;
      path.pop();
    }
    done.add(session);
    return undefined;
  };
  for (const session of links.keys()) {
    const cycle = visit(session);
    if (cycle) return cycle;
  }
  return undefined;
}
