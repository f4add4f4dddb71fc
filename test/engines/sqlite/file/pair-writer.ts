/** Writes two keys together, the same value in both, until it is ended from outside. */
import { openStore } from "../../../../src/index.ts";

const store = await openStore(process.argv[2]!);
await store.set("ephemeral", "of the writer", { ephemeral: true });
await store.lock("turn");
for (let i = 0; ; i++) {
  const value = String(i).padEnd(3000);
  await store.atomic().set("one", value).set("two", value).commit();
  if (i === 0) process.send!("writes");
}
