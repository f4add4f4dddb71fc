import type { Engine } from "../engine/contract.ts";
import type { Entry } from "../engine/entry.ts";
import { isStoreError } from "../errors.ts";
import type { Deadline } from "../wait/deadline.ts";

/** Waits until `look` finds what it looks for in the entry of a key, or in its absence (`undefined`), and resolves to it. */
export async function untilState<T>(
  engine: Engine,
  key: string,
  deadline: Deadline,
  look: (entry: Entry | undefined) => Promise<{ readonly state: T } | undefined>,
): Promise<T> {
  for (;;) {
    deadline.throwIfOver();
    const { entries, version } = await deadline.within(engine.list({ key }));
    const found = await deadline.within(look(entries[0]));
    if (found) return found.state;
    try {
      for await (const changes of engine.watch([{ key }], { from: version, signal: deadline.signal })) {
        const change = changes.at(-1)!;
        const found = await deadline.within(look(change.type === "set" ? change.entry : undefined));
        if (found) return found.state;
      }
    } catch (error) {
      // More has happened since the listing than the store holds: list again.
      if (!isStoreError(error, "ERR_STORE_HISTORY_LOST")) throw error;
    }
  }
}
