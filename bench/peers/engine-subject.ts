import { Channel } from "../../src/coordination/channel.ts";
import { Candidacy } from "../../src/coordination/election.ts";
import { LockClient } from "../../src/coordination/lock-client.ts";
import { once } from "../../src/coordination/once.ts";
import type { Participant } from "../../src/coordination/participant.ts";
import { Queue } from "../../src/coordination/queue.ts";
import type { Engine, Session } from "../../src/engine/engine.ts";
import type { Subject } from "../peer.ts";

/** What is measured of an engine of ours, whichever it is. `ttl`: of the sessions, on engines with leases. */
export function engineSubject(engine: Engine, ttl?: number): Subject {
  let session: Promise<Session> | undefined;
  const participant: Participant = {
    engine,
    session() {
      session ??= engine.openSession(ttl === undefined ? {} : { ttl });
      return session;
    },
  };
  const locks = new LockClient(participant);
  const channels = new Map<string, Channel<string>>();
  const channel = (name: string) => {
    const known = channels.get(name) ?? new Channel<string>(participant, name, { capacity: 100_000 });
    channels.set(name, known);
    return known;
  };
  const queues = new Map<string, Queue<string>>();
  const queue = (name: string) => {
    const known = queues.get(name) ?? new Queue<string>(participant, name);
    queues.set(name, known);
    return known;
  };
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
    listen(name, called) {
      channel(name).addEventListener("message", (event) => called((event as Event & { data: string }).data));
      return channel(name).ready;
    },
    post: (name, message) => channel(name).post(message),
    push: (name, job) => queue(name).push(job),
    async work(name, done) {
      for await (const job of queue(name)) {
        await job.ack();
        done();
      }
    },
    once: (name, run) => once(participant, name, run),
    async list(prefix) {
      const { entries } = await engine.list({ prefix });
      return entries.length;
    },
    close: () => engine.close(),
  };
}
