import assert from "node:assert/strict";
import type { Commit, Engine, Entry, Mutation, Range, Space, Value } from "ipctools";

/** A commit that must succeed; gives its version. */
export async function commit(engine: Engine, ...mutations: Mutation[]): Promise<number> {
  const result = await engine.commit({ mutations });
  assert.equal(result.ok, true);
  return result.version;
}

export function set(key: string, value: Value = "", more: { space?: Space; session?: string; ttl?: number } = {}) {
  return { type: "set", key, value, ...more } as const;
}

export function remove(key: string, space?: Space) {
  return { type: "delete", key, ...(space && { space }) } as const;
}

/** Whether the commit's checks held. */
export async function holds(engine: Engine, commit: Commit): Promise<boolean> {
  return (await engine.commit(commit)).ok;
}

export async function keys(engine: Engine, range: Range = {}): Promise<string[]> {
  return (await engine.list(range)).entries.map(({ key }) => key);
}

/** The entry, which must be there. */
export async function entryOf(engine: Engine, key: string, space?: Space): Promise<Entry> {
  const entry = await engine.get(key, space);
  assert.ok(entry, `no entry ${JSON.stringify(key)}`);
  return entry;
}
