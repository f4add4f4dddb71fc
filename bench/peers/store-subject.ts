import type { Channel } from "../../src/coordination/channel/channel.ts";
import type { Queue } from "../../src/coordination/queue/queue.ts";
import { openStore } from "../../src/store/open.ts";
import type { Ability, Subject } from "../peer.ts";

/** What is measured of our asynchronous store, whatever its engine. */
export const STORE_DOES: readonly Ability[] = [
  "set",
  "get",
  "create",
  "lock",
  "elect",
  "watch",
  "list",
  "idle",
  "listen",
  "post",
  "once",
  "push",
];

/** `ttl`: of the session, on engines with leases, in milliseconds. */
export async function openSubject(location: string, ttl?: number): Promise<Subject> {
  const store = await openStore(location, ttl === undefined ? {} : { session: { ttl } });
  const channels = new Map<string, Channel<string>>();
  const channel = (name: string) => {
    const known = channels.get(name) ?? store.channel<string>(name, { capacity: 100_000 });
    channels.set(name, known);
    return known;
  };
  const queues = new Map<string, Queue<string>>();
  const queue = (name: string) => {
    const known = queues.get(name) ?? store.queue<string>(name);
    queues.set(name, known);
    return known;
  };
  return {
    set: (key, value) => store.set(key, value),
    get: (key) => store.get(key),
    create: (key, value) => store.create(key, value),
    async lock(name) {
      const lock = await store.lock(name);
      return () => lock.release();
    },
    elect: (name) => store.elect(name).won,
    async watch(key, called) {
      const changes = store.watch(key);
      const follow = async () => {
        for await (const change of changes) if (change.type === "set") called(change.entry.value);
      };
      follow().catch(() => {}); // The store was closed.
      // What is set from the call on is reported; time to begin, so that none of it comes late.
      await new Promise((resolve) => setTimeout(resolve, 50));
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
    once: (name, run) => store.once(name, run),
    async list(prefix) {
      let count = 0;
      for await (const _ of store.list({ prefix })) count++;
      return count;
    },
    async idle(name) {
      const client = await openStore(location);
      await client.lock(name);
      client
        .watch(name)
        .next()
        .catch(() => {}); // The store was closed.
    },
    close: () => store.close(),
  };
}
