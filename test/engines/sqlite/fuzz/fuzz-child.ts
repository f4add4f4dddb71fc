import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { openStore, openStoreSync, type Store, StoreError, type SyncStore } from "../../../../src/index.ts";
import { mutantOf, realStore, withoutLog } from "./mutants.ts";

/*
 * Makes mutants of a store and calls everything on each of them. Sends the complaints: a call that throws anything but a
 * `StoreError`, gives a value of a wrong kind, or takes too long, and an error that nobody caught.
 */

const [first, count, progress] = process.argv.slice(2) as [string, string, string];

/** How long a call may take, in milliseconds. Calls that wait are given 10 ms. */
const LONGEST_CALL = 3000;
const wait = { timeout: 10 };

const isText = (value: unknown) => value === undefined || typeof value === "string";
const isBoolean = (value: unknown) => typeof value === "boolean";
const isVersion = (value: unknown) => Number.isSafeInteger(value);
const isAny = () => true;

type Calls<T> = Record<string, [call: (store: T) => unknown, isRight: (result: never) => boolean]>;

const BLOCKING: Calls<SyncStore> = {
  getValue: [(store) => store.getValue("key 7"), isText],
  "getValue of a bound one": [(store) => store.getValue("bound"), isText],
  keys: [(store) => store.keys(), (keys: unknown[]) => keys.every((key) => typeof key === "string")],
  entries: [(store) => store.entries("key 1"), Array.isArray],
  info: [(store) => store.info(), ({ keys, version }) => isVersion(keys) && isVersion(version)],
  tryGetValue: [(store) => store.tryGetValue("key 9"), isText],
  setValue: [(store) => store.setValue("key 7", "new", wait), isAny],
  createValue: [(store) => store.createValue("new", "new", wait), isBoolean],
  deleteValue: [(store) => store.deleteValue("key 8", wait), isBoolean],
  trySetValue: [(store) => store.trySetValue("key 9", "new", wait), isBoolean],
};

const WAITING: Calls<Store> = {
  get: [(store) => store.get("key 5"), isText],
  "get of a bound one": [(store) => store.get("bound"), isText],
  getEntry: [
    (store) => store.getEntry("timed"),
    (entry: { version: number } | undefined) => entry === undefined || isVersion(entry.version),
  ],
  list: [
    async (store) => {
      const versions: number[] = [];
      for await (const { version } of store.list({ prefix: "key" })) versions.push(version);
      return versions;
    },
    (versions: unknown[]) => versions.every(isVersion),
  ],
  set: [(store) => store.set("key 5", "new", wait), isVersion],
  create: [(store) => store.create("newer", "new", wait), isAny],
  delete: [(store) => store.delete("key 6", wait), isAny],
  watch: [
    async (store) => {
      const changes = store.watch({ prefix: "key" }, { signal: AbortSignal.timeout(10) });
      try {
        await store.set("key 4", "seen", wait);
        await changes.next();
      } catch (error) {
        if ((error as Error).name !== "TimeoutError") throw error;
      } finally {
        await changes.return?.();
      }
    },
    isAny,
  ],
  lock: [async (store) => (await store.lock("held", wait)).release(), isAny],
  "shared lock": [async (store) => (await store.lock("together", { mode: "shared", ...wait })).release(), isAny],
  "locks.query": [(store) => store.locks.query(), isAny],
  semaphore: [async (store) => (await store.semaphore("permits", 2).acquire(wait)).release(), isAny],
  leader: [(store) => store.leader("leader"), isAny],
  once: [(store) => store.once("done", () => 1, wait), isAny],
  queue: [
    async (store) => {
      await store.queue("jobs").push("more");
      await (await store.queue("jobs").take(wait))?.ack();
    },
    isAny,
  ],
  counter: [
    async (store) => {
      try {
        return await store.counter("count").increment();
      } catch (error) {
        // The mutant holds the greatest counter that there can be, and so the sum is refused, as documented.
        if (error instanceof RangeError) return await store.counter("count").get();
        throw error;
      }
    },
    Number.isSafeInteger,
  ],
  rateLimit: [(store) => store.rateLimit("rate", { limit: 3, per: 60_000 }).tryTake(), isAny],
  channel: [(store) => store.channel("news").post("more"), isAny],
  info: [(store) => store.info(), ({ keys, version }) => isVersion(keys) && isVersion(version)],
};

/** Says which call is under way, for the one who finds this process hanging. */
const log = fs.openSync(progress, "w");
/** In memory where that can be had: nothing here has to survive, and a disk takes its time to say so. */
const base = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();

const complaints: string[] = [];
const codes: Record<string, number> = {};
let current = "";

function complain(what: string, error?: unknown): void {
  complaints.push(`${current}: ${what} ${error instanceof Error ? error.stack : ""}`);
}

function judge(call: string, error: unknown): void {
  if (error instanceof StoreError) codes[error.code] = (codes[error.code] ?? 0) + 1;
  else complain(call, error);
}

for (const event of ["uncaughtException", "unhandledRejection"] as const)
  process.on(event, (error) => complain(event, error));

async function callAll<T>(store: T, calls: Calls<T>): Promise<void> {
  for (const [name, [call, isRight]] of Object.entries(calls)) {
    fs.writeSync(log, `${current} ${name}`.padEnd(80), 0);
    const begun = performance.now();
    try {
      const result = await call(store);
      codes.right = (codes.right ?? 0) + 1;
      if (!isRight(result as never)) complain(`${name} gave ${JSON.stringify(result)}`);
    } catch (error) {
      judge(name, error);
    }
    const took = performance.now() - begun;
    if (took > LONGEST_CALL) complain(`${name} took ${took} ms`);
  }
}

const folder = fs.mkdtempSync(path.join(base, "ipctools-fuzz-"));
try {
  const running = await realStore(folder);
  const whole = withoutLog(running, folder);
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    const { file, log } = mutantOf(seed, running, whole, folder);
    for (const kind of ["blocking", "waiting"]) {
      current = `seed ${seed}, ${kind}`;
      const name = path.join(folder, `${seed} ${kind}.db`);
      fs.writeFileSync(name, file);
      if (log.length > 0) fs.writeFileSync(`${name}-wal`, log);
      if (kind === "blocking") {
        const store = openStoreSync(name);
        await callAll(store, BLOCKING);
        store.close();
      } else {
        try {
          const store = await openStore(name);
          await callAll(store, WAITING);
          await store.close();
        } catch (error) {
          judge("openStore or close", error);
        }
      }
    }
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
process.send!({ complaints, codes }, () => process.exit());
