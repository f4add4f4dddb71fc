import { openSqliteEngine } from "../../src/engines/sqlite/engine.ts";

/** Binds an entry to a session; then, told to, blocks its event loop until it is killed. */
const engine = await openSqliteEngine(process.argv[2]!);
const session = await engine.openSession();
await engine.commit({ mutations: [{ type: "set", key: "owner", value: String(process.pid), session: session.id }] });
process.on("message", () => {
  process.send!("blocked", () => {
    for (;;);
  });
});
process.send!("bound");
