import * as worker from "node:worker_threads";
import { store } from "ipctools";

/** Shares values and takes part in an election, as whatever kind of program it was started. Then nothing keeps it. */
const name: string = worker.isMainThread ? process.argv[2]! : worker.workerData;
store.setValue(`set by ${name}`, name);
if (store.createValue("leader", name)) store.setValue("elected", name);
// A cluster worker's channel to its primary would keep it.
if (name.startsWith("cluster")) process.disconnect();
