import type { Commit } from "../../../engine/contract.ts";
import type { Connection } from "../database/connection.ts";
import { SHORT_WAYS } from "./short-ways.ts";
import { type Committed, type Owners, transact } from "./transaction.ts";

/** Makes the commit, or throws SQLite's busy error at once with nothing done. */
export function attemptCommit(connection: Connection, commit: Commit, owners: Owners): Committed {
  const { checks = [], mutations = [], reads = [] } = commit;
  if (mutations.length > 0 && reads.length === 0)
    for (const way of SHORT_WAYS) {
      const committed = way.attempt(connection, checks, mutations, owners);
      if (committed !== undefined) return committed;
    }
  return transact(connection, commit, owners);
}
