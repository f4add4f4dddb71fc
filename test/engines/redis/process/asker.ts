import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";

/*
 * A process that holds an entry by a session, asks when it is told to, and then does nothing but wait: stopped, it stands in the
 * system's wait for input, so that what has come in meanwhile is read before any timer fires. Arguments: the store's URL,
 * the session's time to live in milliseconds.
 */

const [url, ttl] = process.argv.slice(2) as [string, string];
const engine = await openRedisEngine(url);
const session = await engine.openSession({ ttl: Number(ttl) });
const { version } = await engine.commit({ mutations: [{ type: "set", key: "held", value: "1", session: session.id }] });

/** What was answered, and whether the owner knew by then that its session was over. */
const answers: Record<string, boolean> = {};
const note = (name: string) => () => {
  answers[name] = session.signal.aborted;
};

const told = new Promise((resolve) => process.once("message", resolve));
process.send!("holding");
await told;
const wait = { timeout: 60_000 };
const asked = [
  Promise.resolve(engine.get("other")).then(note("get")),
  Promise.resolve(engine.list({})).then(note("list")),
  Promise.resolve(engine.commit({ reads: [{ key: "held" }] }, wait)).then(note("read")),
  Promise.resolve(engine.commit({ mutations: [{ type: "set", key: "asked", value: "1" }] }, wait)).then(note("write")),
];
// After these are on their way.
setImmediate(() => setImmediate(() => process.send!("asked")));
await Promise.allSettled(asked);
const fenced = await engine.commit({
  checks: [{ key: "held", version }],
  mutations: [{ type: "set", key: "protected", value: "late" }],
});
process.send!({ code: session.signal.reason?.code, answers, late: fenced.ok });
await engine.close();
process.disconnect();
