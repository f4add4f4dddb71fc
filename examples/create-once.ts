// Of any number of processes that create one key at once exactly one gets `true`: the simplest election.
import { fork } from "node:child_process";
import { once } from "node:events";
import { store } from "ipctools";

if (process.argv[2] === "child") {
  const leads = store.createValue("leader", String(process.pid));
  process.exitCode = leads ? 0 : 1;
} else {
  const children = Array.from({ length: 5 }, () => fork(import.meta.filename, ["child"]));
  const statuses = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
  console.log("leaders:", statuses.filter((status) => status === 0).length);
  const leader = children.find(({ pid }) => String(pid) === store.getValue("leader"));
  console.log("the store names one of them:", leader !== undefined);
}

// Prints:
//   leaders: 1
//   the store names one of them: true
