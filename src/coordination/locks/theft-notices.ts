import type { Engine, Mutation, Session } from "../../engine/contract.ts";
import { pause } from "../../wait/pause.ts";
import { systemKey, systemPrefix } from "../common/system-key.ts";
import { untilChanged } from "../common/until-changed.ts";
import type { Lock } from "./lock.ts";

/** Comes after all that locks and the rest write often, so that no write of theirs has to be held against every session's range. */
const NOTICES = "stolen-lock";

/** How long a stolen lock's holder can be told so, in milliseconds. One that slept longer learns it from its own entry. */
const NOTICE_TTL = 60_000;

/** How long to wait before a store that failed is asked again, in milliseconds. */
const PAUSE = 200;

/** Tells a session that the lock whose token that is was stolen. */
export function notify(session: string, token: number): Mutation {
  const key = systemKey(NOTICES, session, String(token));
  return { type: "set", space: "system", key, value: "", ttl: NOTICE_TTL };
}

/**
 * Listens for thefts of a session's locks: one watch, however many locks it holds, so that taking a lock that is free needs
 * none of its own. It ends with the session, and keeps no process alive.
 */
export class LockNotices {
  readonly #held = new Map<number, Lock>();
  /** Tokens whose theft was reported before their lock was added, or after it was removed. */
  readonly #unclaimed = new Set<number>();

  constructor(engine: Engine, session: Session) {
    void this.#listen(engine, session);
  }

  add(lock: Lock): void {
    if (this.#unclaimed.delete(lock.token)) lock.lose(stolen(lock.name));
    else this.#held.set(lock.token, lock);
  }

  remove(lock: Lock): void {
    this.#held.delete(lock.token);
  }

  async #listen(engine: Engine, session: Session): Promise<void> {
    const range = { space: "system", prefix: systemPrefix(NOTICES, session.id) } as const;
    const signals = [session.signal];
    while (!session.signal.aborted) {
      try {
        const { entries, version } = await engine.list(range);
        if (entries.length > 0) {
          for (const { key } of entries) this.#reportTheft(Number(key.slice(range.prefix.length)));
          const mutations = entries.map(({ key }) => ({ type: "delete", space: "system", key }) as const);
          await engine.commit({ mutations });
        }
        await untilChanged(engine, [range], version, signals, { keepAlive: false });
      } catch {
        // The store is out of reach for the moment, or the session has ended, which its own signal reports.
        await pause(PAUSE, { keepAlive: false });
      }
    }
  }

  #reportTheft(token: number): void {
    const lock = this.#held.get(token);
    this.#held.delete(token);
    if (lock) lock.lose(stolen(lock.name));
    else {
      this.#unclaimed.add(token);
      setTimeout(() => this.#unclaimed.delete(token), NOTICE_TTL).unref();
    }
  }
}

export function stolen(name: string): DOMException {
  return new DOMException(`The lock ${JSON.stringify(name)} was stolen by another request`, "AbortError");
}
