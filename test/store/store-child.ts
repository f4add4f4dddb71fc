import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { openStore } from "../../src/index.ts";

/*
 * Arguments: the store's file, and what to do there. Runs as a child process, or as a worker thread with the same arguments.
 *   own KEY      binds the key to this store's session, says so, and stays with a blocked event loop
 *   lead NAME    takes the lock, tells its token, and when it is told to, writes "late" under the lock's fence
 *   update N     adds 1 to "n" N times by update() and by increment()
 */
const [file, task, argument] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
const tell = (message: unknown) => (isMainThread ? process.send!(message) : parentPort!.postMessage(message));
const store = await openStore(file!);

if (task === "own") {
  await store.set(argument!, "mine", { ephemeral: true });
  if (isMainThread) await new Promise((resolve) => process.send!("bound", resolve));
  else tell("bound");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
} else if (task === "lead") {
  const lock = await store.lock(argument!);
  process.once("message", async () => {
    const outcome = await store.set("late", "x", { fence: lock }).then(
      () => "written",
      (error) => error.code,
    );
    tell(outcome);
    process.disconnect();
  });
  tell(lock.token);
} else {
  for (let i = 0; i < Number(argument); i++) {
    await store.update("updated", (value = "0") => String(Number(value) + 1));
    await store.increment("incremented");
  }
  await store.close();
  tell("done");
  if (isMainThread) process.disconnect();
}
