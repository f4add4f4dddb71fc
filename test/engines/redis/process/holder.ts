import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";

/*
 * A process that holds an entry by a session, and asks the server all the time while it believes that it holds it. It may
 * be stopped and go on. Arguments: the store's URL, the session's time to live in milliseconds.
 */

const [url, ttl] = process.argv.slice(2) as [string, string];
const engine = await openRedisEngine(url);
const session = await engine.openSession({ ttl: Number(ttl) });
const { version } = await engine.commit({ mutations: [{ type: "set", key: "held", value: "1", session: session.id }] });

/** Turns of the event loop since the process was stopped for longer than its session lives. */
let turns = 0;
let last = performance.now();
let asking = false;

process.send!("holding");
await new Promise<void>((resolve) => {
  session.signal.addEventListener("abort", () => resolve());
  turn();
});
const fenced = await engine.commit({
  checks: [{ key: "held", version }],
  mutations: [{ type: "set", key: "protected", value: "late" }],
});
process.send!({ code: session.signal.reason.code, turns, late: fenced.ok });
await engine.close();
process.disconnect();

function turn(): void {
  if (session.signal.aborted) return;
  const now = performance.now();
  if (turns > 0 || now - last > Number(ttl)) turns++;
  last = now;
  if (!asking) void ask();
  setImmediate(turn);
}

async function ask(): Promise<void> {
  asking = true;
  await engine.get("other");
  asking = false;
}
