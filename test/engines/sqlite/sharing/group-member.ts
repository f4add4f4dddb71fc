/**
 * A member of a group on a store of another one. Sends what it sees of the key, whether it can create it, whether it can have an
 * ephemeral entry and a lock. With "waits" it tells that it watches, and then that the key was deleted.
 */
import { openStore } from "../../../../src/index.ts";

const [file, key, waits] = process.argv.slice(2) as [string, string, string | undefined];
const store = await openStore(file);
if (waits !== undefined) {
  const watch = store.watch(key);
  const change = watch.next();
  await store.set("many/waiter", "here", { ephemeral: true });
  process.send!("watches");
  const { value } = await change;
  process.send!(value.type === "delete" ? { gone: value.key } : value);
} else {
  await store.set("news", `from ${process.pid}`);
  await store.set("many/mine", "mine", { ephemeral: true });
  const lock = await store.lock("turn", { timeout: 5000 });
  process.send!({
    value: await store.get(key),
    created: await store.create(key, "stolen"),
    ephemeral: await store.get("many/mine"),
    lock: lock.held,
  });
}
process.once("disconnect", () => process.exit());
