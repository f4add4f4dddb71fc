import type { Operation, Trial } from "../operation.ts";
import { CALL, perCall } from "../timing.ts";

const KEYS = 1000;

async function fill({ subject }: Trial): Promise<void> {
  for (let n = 0; n < KEYS; n++) await subject.set!(`key-${n}`, `value-${n}`);
}

const reference = "node-sqlite";

export const get: Operation = {
  name: "get",
  title: "Get a value",
  about: `One of ${KEYS} keys after the other. Aim: 1.2 times a plain prepared select at the most.`,
  figures: CALL,
  needs: "get",
  reference,
  async run(trial) {
    await fill(trial);
    const { subject, duration } = trial;
    if ((await subject.get!("key-7")) !== "value-7") throw new Error(`${trial.peer.name} gets something else`);
    return perCall((n) => subject.get!(`key-${n % KEYS}`), duration);
  },
};

export const set: Operation = {
  name: "set",
  title: "Set a value",
  about: `Another value for one of ${KEYS} keys after the other. Aim: 1.2 times a plain prepared upsert at the most.`,
  figures: CALL,
  needs: "set",
  reference,
  async run(trial) {
    await fill(trial);
    const { subject, duration } = trial;
    return perCall((n) => subject.set!(`key-${n % KEYS}`, `value ${n}`), duration);
  },
};

export const create: Operation = {
  name: "create",
  title: "Create a key",
  about: "A new key with each call.",
  figures: CALL,
  needs: "create",
  reference,
  run: ({ subject, duration }) => perCall((n) => subject.create!(`key-${n}`, `value ${n}`), duration),
};

export const createExisting: Operation = {
  name: "create-existing",
  title: "Create a key that exists",
  about: `What everybody but the winner of an election does; one of ${KEYS} keys after the other.`,
  figures: CALL,
  needs: "create",
  reference,
  async run({ subject, duration }) {
    for (let n = 0; n < KEYS; n++) await subject.create!(`key-${n}`, `value-${n}`);
    if (await subject.create!("key-7", "another")) throw new Error("a key was created twice");
    return perCall((n) => subject.create!(`key-${n % KEYS}`, `value ${n}`), duration);
  },
};
