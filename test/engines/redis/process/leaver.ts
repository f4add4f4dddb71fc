import { openRedisEngine } from "../../../../src/engines/redis/engine.ts";

/*
 * A process that uses a store, loses its network on the way, and has nothing left to do then. Arguments: the store's URL, and
 * whether it closes the engine (`close`, `leave`), and how long it waits for its last commit. The name `several` has two addresses, nobody listens at the first.
 */

const [url, manner, timeout] = process.argv.slice(2) as [string, string, string];
const dns = process.getBuiltinModule("node:dns");
const lookup = dns.lookup as (...args: unknown[]) => void;
dns.lookup = ((host: string, options: unknown, done: (error: null, found: object[]) => void) => {
  if (host !== "several") return lookup(host, options, done);
  done(null, [
    { address: "::1", family: 6 },
    { address: "127.0.0.1", family: 4 },
  ]);
}) as typeof dns.lookup;

const engine = await openRedisEngine(url);
const session = await engine.openSession();
const changes = engine.watch([{ key: "a" }]);
const set = () => ({ mutations: [{ type: "set", key: "a", value: "1", session: session.id } as const] });
await engine.commit(set());
await changes.next();
await changes.return?.();
// Breaks off when the engine is closed.
engine
  .watch([{ key: "a" }], { keepAlive: false })
  .next()
  .catch(() => {});

const broken = new Promise((resolve) => process.once("message", resolve));
process.send!("ready");
await broken;
const code = await Promise.resolve(engine.commit(set(), { timeout: Number(timeout) })).then(
  () => "made",
  (error: { code?: string }) => error.code,
);
if (manner === "close") await engine.close();
await new Promise((resolve) => process.send!(code, resolve));
process.disconnect();
