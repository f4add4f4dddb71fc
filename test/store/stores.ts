import * as crypto from "node:crypto";
import * as path from "node:path";
import { describe, type TestContext } from "node:test";
import { openStore, type Store } from "../../src/index.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

/** Opens a handle on the test's store; all handles are closed after the test. */
export type Open = () => Promise<Store>;

const LOCATIONS: Readonly<Record<string, (t: TestContext) => string>> = {
  memory: () => `memory:${crypto.randomUUID()}`,
  sqlite: (t) => path.join(temporaryFolder(t), "store.db"),
};

/** Runs a suite over the engines that need no server. `fresh` gives each test a store of its own. */
export function overStores(suite: (fresh: (t: TestContext) => Open, engine: string) => void): void {
  for (const [name, locate] of Object.entries(LOCATIONS))
    describe(name, () =>
      suite((t) => {
        const stores: Store[] = [];
        t.after(() => Promise.all(stores.map((store) => store.close())));
        const location = locate(t);
        return async () => {
          const store = await openStore(location);
          stores.push(store);
          return store;
        };
      }, name),
    );
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
