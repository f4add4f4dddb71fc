import { Candidacy } from "../../src/coordination/election.ts";
import { LockClient } from "../../src/coordination/lock-client.ts";
import type { Participant } from "../../src/coordination/participant.ts";
import type { Engine, Session } from "../../src/engine/engine.ts";
import type { Subject } from "../peer.ts";

/** What is measured of an engine of ours, whichever it is. */
export function engineSubject(engine: Engine): Subject {
  let session: Promise<Session> | undefined;
  const participant: Participant = {
    engine,
    session() {
      session ??= engine.openSession();
      return session;
    },
  };
  const locks = new LockClient(participant);
  return {
    set: (key, value) => engine.commit({ mutations: [{ type: "set", key, value }] }),
    get: async (key) => (await engine.get(key))?.value,
    async create(key, value) {
      return (await engine.commit({ checks: [{ key, version: 0 }], mutations: [{ type: "set", key, value }] })).ok;
    },
    async lock(name) {
      const lock = await locks.lock(name);
      return () => lock.release();
    },
    elect: (name) => new Candidacy(participant, name).won,
    async watch(key, called) {
      const { version } = await engine.list({ key });
      const changes = engine.watch([{ key }], { from: version });
      const follow = async () => {
        for await (const batch of changes)
          for (const change of batch) if (change.type === "set") called(change.entry.value as string);
      };
      follow().catch(() => {}); // Closed.
      // A watch is on once a set of the process's own has come back.
      await engine.commit({ mutations: [{ type: "set", key: `${key}-on`, value: "on" }] });
    },
    async list(prefix) {
      const { entries } = await engine.list({ prefix });
      return entries.length;
    },
    close: () => engine.close(),
  };
}
