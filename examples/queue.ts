// A work queue: each job to one worker; the job of a worker that dies goes to another one.
import { fork } from "node:child_process";
import { openStore } from "ipctools";

const store = await openStore();
const queue = store.queue<string>("mail");
if (process.argv[2] === "child") {
  await queue.take();
  process.kill(process.pid, "SIGKILL"); // before it has acknowledged the job
} else {
  for (const name of ["Ada", "Grace", "Tony"]) await queue.push(name);
  const child = fork(import.meta.filename, ["child"]);
  await new Promise((resolve) => child.on("exit", resolve));
  for await (const job of queue) {
    console.log(`mail to ${job.value}, attempt ${job.attempt}`);
    await job.ack();
    if (job.value === "Tony") break;
  }
}
await store.close();

// Prints:
//   mail to Ada, attempt 2
//   mail to Grace, attempt 1
//   mail to Tony, attempt 1
