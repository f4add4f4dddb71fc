/** What an engine stores: text, or bytes. The codec of a `Store` turns other kinds of value into one of the two. */
export type Value = string | Uint8Array;

/**
 * Whose key it is. Absent: the user's own values, the ones that `get` and `list` show (and that a Python program shares).
 * `"system"`: what coordination keeps (queues of locks, messages, counters). The two never meet: the key `a` of one is
 * another entry than the key `a` of the other.
 */
export type Space = "system";

export interface Entry {
  readonly key: string;
  readonly space?: Space;
  readonly value: Value;
  /** The version of the commit that last set the entry: a safe integer that only grows in a store. It is also a fencing token. */
  readonly version: number;
  /** The version of the commit that created the key. An update keeps it; a delete and a new set do not. */
  readonly createdVersion: number;
  /** The session that the entry is bound to: when that ends in any way, the entry goes. */
  readonly session?: string;
  /** When the entry goes by itself, in milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/**
 * What a watch reports. A `delete` says nothing of its reason (a delete, the end of a session, a time to live that ran
 * out): a recipe that has to tell them apart writes it down in the commit that deletes.
 */
export type Change =
  | {
      readonly type: "set";
      readonly entry: Entry;
      readonly key: string;
      readonly space?: Space;
      readonly version: number;
    }
  | { readonly type: "delete"; readonly key: string; readonly space?: Space; readonly version: number };

/** The change that set the entry. */
export function setChange(entry: Entry): Change {
  const { key, space, version } = entry;
  return { type: "set", entry, key, ...(space && { space }), version };
}

/** The change at this version that deleted the entry. */
export function deleteChange(
  { key, space }: { readonly key: string; readonly space?: Space },
  version: number,
): Change {
  return { type: "delete", key, ...(space && { space }), version };
}
