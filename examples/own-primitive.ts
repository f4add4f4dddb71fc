// A primitive of your own, on every engine: a gate that, once opened, lets every process pass.
import { fork } from "node:child_process";
import { once } from "node:events";
import { openStore } from "ipctools";
import { Deadline, type Participant, systemKey, untilChanged, type WaitOptions } from "ipctools/coordination";

const gate = (name: string) => ({ space: "system", key: systemKey("gate", name) }) as const;

async function openGate({ engine }: Participant, name: string) {
  await engine.commit({ mutations: [{ type: "set", ...gate(name), value: "" }] });
}

async function passGate({ engine }: Participant, name: string, options: WaitOptions) {
  const deadline = new Deadline(options, `gate ${name} to open`);
  try {
    for (;;) {
      const { entries, version } = await engine.list(gate(name));
      if (entries.length > 0) return;
      await untilChanged(engine, [gate(name)], version, [deadline.signal]);
    }
  } finally {
    deadline[Symbol.dispose]();
  }
}

const store = await openStore();
if (process.argv[2] === "child") await passGate(store.participant, "start", { timeout: 10_000 });
else {
  const ended = once(fork(import.meta.filename, ["child"]), "exit");
  await openGate(store.participant, "start");
  console.log("the child ended with", (await ended)[0]);
}
await store.close();

// Prints:
//   the child ended with 0
