// A leader, and another one when it dies.
import { fork } from "node:child_process";
import { openStore } from "ipctools";

const store = await openStore();
if (process.argv[2] === "child") {
  const candidacy = store.elect("scheduler", { value: String(process.pid) });
  await candidacy.won;
  await store.set("leader", String(process.pid), { fence: candidacy });
  // `candidacy.signal` is aborted if leadership is lost.
  setInterval(() => {}, 1000);
} else {
  const children = [1, 2, 3].map(() => fork(import.meta.filename, ["child"]));
  const first = await store.waitFor("leader");
  children.find(({ pid }) => String(pid) === first)!.kill("SIGKILL");
  const second = await store.waitFor("leader", (leader) => leader !== first);
  console.log(
    "another one leads:",
    children.some(({ pid, killed }) => String(pid) === second && !killed),
  );
  for (const child of children) child.kill();
  await store.close();
}

// Prints:
//   another one leads: true
