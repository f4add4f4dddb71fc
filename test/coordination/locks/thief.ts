/** Steals a lock each time it is told to, says when its callback is called, keeps the lock until it is told to let go, and says how it ended. */
import { LockClient } from "../../../src/coordination/locks/client.ts";
import { LockManager } from "../../../src/coordination/locks/web-locks.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";

const engine = await openSqliteEngine(process.argv[2]!);
const session = engine.openSession();
const manager = new LockManager(new LockClient({ engine, session: () => session }));
await session;

let letGo = () => {};
process.on("message", (order) => {
  if (order === "let go") return letGo();
  const end = Promise.withResolvers<void>();
  letGo = end.resolve;
  let token = 0;
  manager
    .request("held", { steal: true }, (lock) => {
      token = lock.token;
      process.send!({ called: token });
      return end.promise;
    })
    .then(
      () => process.send!({ ended: token }),
      (error: Error) => process.send!({ ended: token, error: error.name }),
    );
});
process.once("disconnect", () => process.exit());
process.send!("ready");
