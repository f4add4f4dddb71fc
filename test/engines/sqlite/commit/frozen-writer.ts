import { DatabaseSync } from "node:sqlite";
import { openStoreSync } from "../../../../src/index.ts";

// Stops in the middle of a write (`inside`), or writes without a pause until it is stopped from outside (`loop`).
const [, , file, manner] = process.argv;
if (manner === "inside") {
  const db = new DatabaseSync(file!);
  db.exec("BEGIN IMMEDIATE; UPDATE store SET value = 'half done'");
  process.send!("writing", () => process.kill(process.pid, "SIGSTOP"));
} else {
  const store = openStoreSync(file!);
  store.setValue("frozen", "0");
  process.send!("writing", () => {
    for (let i = 0; ; i++) store.setValue("frozen", "x".repeat(1 + (i % 20_000)));
  });
}
