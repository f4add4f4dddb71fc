import type { Change } from "ipctools";

/** Reads a watch until what came satisfies `enough`, and gives all of it. */
export async function readUntil(
  watch: AsyncIterator<Change[]>,
  enough: (changes: readonly Change[]) => boolean,
): Promise<Change[]> {
  const changes: Change[] = [];
  while (!enough(changes)) {
    const result = await watch.next();
    if (result.done) throw new Error("The watch ended by itself");
    changes.push(...result.value);
  }
  return changes;
}

/** Reads a watch until the key's latest change is the one looked for. */
export function readUntilKey(watch: AsyncIterator<Change[]>, key: string, type?: Change["type"]): Promise<Change[]> {
  return readUntil(watch, (changes) => {
    const last = changes.findLast((change) => change.key === key);
    return last !== undefined && (type === undefined || last.type === type);
  });
}

/** `"set a"`, `"delete b"`. */
export function brief(changes: readonly Change[]): string[] {
  return changes.map(({ type, key }) => `${type} ${key}`);
}
