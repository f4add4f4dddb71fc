import type { Change, Entry } from "../engine/entry.ts";
import { type Codec, decodeValue } from "./codec.ts";

/** A key with its value and what the store knows of it. */
export interface StoreEntry<T = string> {
  readonly key: string;
  readonly value: T;
  /** The version of its last write: a safe integer that only grows in a store. `atomic().check(entry)` compares it. */
  readonly version: number;
  /** The version of the write that created the key. */
  readonly createdVersion: number;
  /** The session that the entry is bound to (`{ ephemeral: true }`): when that ends in any way, the entry goes. */
  readonly session?: string;
  /** When the entry goes by itself (`{ ttl }`), in milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** What a watch reports: a key was set, or it has gone (deleted, its time over, its owner ended). */
export type StoreChange<T = string> =
  | { readonly type: "set"; readonly key: string; readonly version: number; readonly entry: StoreEntry<T> }
  | { readonly type: "delete"; readonly key: string; readonly version: number };

export async function decodeEntry<T>(codec: Codec<T, never>, entry: Entry): Promise<StoreEntry<T>> {
  return { ...entry, value: await decodeValue(codec, entry.key, entry.value) };
}

export async function decodeChange<T>(codec: Codec<T, never>, change: Change): Promise<StoreChange<T>> {
  const { type, key, version } = change;
  return type === "set"
    ? { type, key, version, entry: await decodeEntry(codec, change.entry) }
    : { type, key, version };
}
