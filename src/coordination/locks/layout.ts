import type { Check, Mutation } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import type { Range } from "../../engine/range.ts";
import { describeOwner, type Owner, readOwner } from "../common/owner.ts";
import { readPart, systemPrefix } from "../common/system-key.ts";

export type LockMode = "exclusive" | "shared";

/** What stands in the entry of a request, beside what its key tells. */
export interface LockRecord extends Owner {
  /** Of a shared request that holds the lock. An exclusive one holds it if the holder record names it. */
  readonly granted?: true;
}

/** Every entry of every lock. */
export const ALL_LOCKS: Range = { space: "system", prefix: "lock/" };

/**
 * The keys and values of one lock's entries. All but the shared requests are in the range `beforeShared`, so that one check
 * covers everything that is in a shared request's way.
 */
export class LockLayout {
  readonly name: string;
  readonly whole: Range;
  readonly exclusive: Range;
  readonly shared: Range;
  /** Everything but the shared requests. */
  readonly beforeShared: Range;
  /** The key of the thief entry: the entry of a holder that stole the lock. */
  readonly thief: string;
  /**
   * The key of the holder record, which an exclusive holder sets beside its own entry. The record is bound to no session, so
   * it outlives a holder that does not release. Its value is the key of the holder's entry, its version the holder's token.
   */
  readonly holder: string;

  /** The layout of the lock to which an entry belongs. */
  static of(key: string): LockLayout {
    return new LockLayout(readPart(key.split("/", 2)[1]!));
  }

  constructor(name: string) {
    const prefix = systemPrefix("lock", name);
    this.name = name;
    this.thief = `${prefix}granted/thief`;
    this.holder = `${prefix}granted/holder`;
    this.whole = { space: "system", prefix };
    this.exclusive = { space: "system", prefix: `${prefix}exclusive/` };
    this.shared = { space: "system", prefix: `${prefix}shared/` };
    this.beforeShared = { space: "system", prefix, end: `${prefix}shared/` };
  }

  key(mode: LockMode, id: string): string {
    return `${this[mode].prefix}${id}`;
  }

  /** The entry of a request. */
  set(key: string, mode: LockMode, session: string, granted: boolean): Mutation {
    const isGrant = granted && mode === "shared";
    const record: LockRecord = isGrant ? { granted: true, ...describeOwner() } : describeOwner();
    return { type: "set", space: "system", key, value: JSON.stringify(record), session };
  }

  /** `id` is unique in the session. */
  setThief(session: string, id: number): Mutation & { type: "set" } {
    const record: LockRecord & { id: number } = { ...describeOwner(), id };
    return { type: "set", space: "system", key: this.thief, value: JSON.stringify(record), session };
  }

  setHolder(key: string): Mutation {
    return { type: "set", space: "system", key: this.holder, value: key };
  }

  get deleteHolder(): Mutation {
    return { type: "delete", space: "system", key: this.holder };
  }

  /** Whether the entry of a request, or of a thief, holds the lock; else it waits. */
  isGranted(entry: Entry, holder: Entry | undefined): boolean {
    return entry.key === this.thief || entry.key === holder?.value || readRecord(entry).granted === true;
  }

  modeOf(key: string): LockMode {
    return key.startsWith(this.shared.prefix!) ? "shared" : "exclusive";
  }

  isRequest(key: string): boolean {
    return key.startsWith(this.exclusive.prefix!) || key.startsWith(this.shared.prefix!);
  }
}

export function checkEntry(key: string, entry: Entry | undefined): Check {
  return { space: "system", key, version: entry?.version ?? 0 };
}

export function readRecord(entry: Entry): LockRecord {
  return readOwner<LockRecord>(entry);
}
