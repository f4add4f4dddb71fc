import type { Check, Mutation } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import type { Range } from "../../engine/range.ts";
import { describeOwner, type Owner } from "../common/owner.ts";
import { readPart, systemPrefix } from "../common/system-key.ts";

export type LockMode = "exclusive" | "shared";

/** What stands in the entry of a request, beside what its key tells. */
export interface LockRecord extends Owner {
  /** Of a shared request that holds the lock. An exclusive one holds it if the mark says so. */
  readonly granted?: true;
}

/** Every entry of every lock. */
export const ALL_LOCKS: Range = { space: "system", prefix: "lock/" };

/**
 * The entries of one lock: where they are, what they hold. All but the shared requests lie below `beforeShared`, so that
 * the absence of whatever is in a request's way is one check.
 */
export class LockEntries {
  readonly name: string;
  readonly whole: Range;
  readonly exclusive: Range;
  readonly shared: Range;
  /** Everything but the shared requests. */
  readonly beforeShared: Range;
  /** The entry of a holder that stole the lock. */
  readonly force: string;
  /**
   * What an exclusive holder leaves beside its own entry, bound to no session: it outlives the holder that does not
   * release. Its value is the holder's key, its version the holder's token.
   */
  readonly mark: string;

  /** Those of the lock that an entry of any lock belongs to. */
  static of(key: string): LockEntries {
    return new LockEntries(readPart(key.split("/", 2)[1]!));
  }

  constructor(name: string) {
    const prefix = systemPrefix("lock", name);
    this.name = name;
    this.force = `${prefix}force`;
    this.mark = `${prefix}held`;
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
    const isMarked = granted && mode === "shared";
    const record: LockRecord = isMarked ? { granted: true, ...describeOwner() } : describeOwner();
    return { type: "set", space: "system", key, value: JSON.stringify(record), session };
  }

  /** `id` is unique in the session. */
  setForce(session: string, id: number): Mutation & { type: "set" } {
    const record: LockRecord & { id: number } = { ...describeOwner(), id };
    return { type: "set", space: "system", key: this.force, value: JSON.stringify(record), session };
  }

  setMark(holder: string): Mutation {
    return { type: "set", space: "system", key: this.mark, value: holder };
  }

  get deleteMark(): Mutation {
    return { type: "delete", space: "system", key: this.mark };
  }

  /** Whether the entry of a request, or of a thief, holds the lock; else it waits. */
  isGranted(entry: Entry, mark: Entry | undefined): boolean {
    return entry.key === this.force || entry.key === mark?.value || readRecord(entry).granted === true;
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
  return JSON.parse(entry.value as string) as LockRecord;
}
