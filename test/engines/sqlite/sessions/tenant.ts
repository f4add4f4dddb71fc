/** Has sessions (as many as it is told, or one) with an entry each, and a watch, tells that it is there, and stays until it is ended from outside. */
import { isMainThread, parentPort, threadId, workerData } from "node:worker_threads";
import { openSqliteEngine } from "../../../../src/engines/sqlite/engine.ts";

const file: string = isMainThread ? process.argv[2]! : workerData;
const engine = await openSqliteEngine(file);
const key = `tenant ${process.pid} ${threadId}`;
const others = process.argv[4];
const watch = engine.watch([{ key: "news" }, { prefix: "many/" }, ...(others ? [{ prefix: others }] : [])]);
for (let i = 0; i < Number(process.argv[3] ?? 1); i++) {
  const session = await engine.openSession();
  const name = i === 0 ? key : `${key}/${i}`;
  await engine.commit({ mutations: [{ type: "set", key: name, value: "here", session: session.id }] });
}

if (isMainThread) {
  process.send!(key);
  process.once("disconnect", () => process.exit());
} else {
  parentPort!.postMessage(key);
  parentPort!.once("message", () => {});
}
for await (const _ of watch);
