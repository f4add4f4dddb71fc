import { StoreError } from "../../src/errors.ts";
import type { Action } from "./history/register.ts";
import { randomNumbers } from "./history/simulation.ts";
import { Journal, type Outcome, timeSince } from "./journal.ts";
import { openTarget, type TargetName } from "./targets/open.ts";

/* A process that runs random operations on a few keys until its time is over or it is killed. See `crew.ts`. */

export interface WorkerOrders {
  readonly target: TargetName;
  readonly journal: string;
  readonly process: number;
  readonly seed: number;
  /** The time zero of all journals, as a decimal. */
  readonly base: string;
  readonly keys: number;
  /** All workers move to fresh keys together, every so many nanoseconds: contention stays, histories stay short. */
  readonly epoch: number;
}

/** Codes that say that nothing was done. */
const NOTHING_DONE: ReadonlySet<string> = new Set(["ERR_STORE_BUSY", "ERR_STORE_UNAVAILABLE", "ERR_STORE_TIMEOUT"]);

const orders = JSON.parse(process.argv[2]!) as WorkerOrders;
const target = await openTarget(orders.target);
process.send!("ready");
/** When to end, in nanoseconds after the base: all begin to work together. */
const end = await new Promise<number>((resolve) => process.once("message", (message) => resolve(message as number)));
process.disconnect();
await work();
await target.close();

async function work(): Promise<void> {
  const random = randomNumbers(orders.seed);
  const pick = (count: number) => Math.floor(random() * count);
  const base = BigInt(orders.base);
  const journal = new Journal(orders.journal, base);
  /** The last value seen of each key: what an exchange expects. */
  const seen = new Map<string, string>();
  for (let count = 1; ; count++) {
    const now = timeSince(base);
    if (now > end) break;
    const key = `${Math.floor(now / orders.epoch)}.${pick(orders.keys)}`;
    const value = `${orders.process}.${count}`;
    const action = someAction(key, value);
    const outcome = await journal.record(key, action, () => run(key, action));
    if (typeof outcome === "string") continue;
    if (typeof outcome.value === "string") seen.set(key, outcome.value);
    else if ("value" in action && outcome.done !== false) seen.set(key, value);
  }
  journal.close();

  function someAction(key: string, value: string): Action {
    switch (pick(8)) {
      case 0:
      case 1:
        return { type: "set", value };
      case 2:
        return { type: "create", value };
      case 3:
        return { type: "delete" };
      case 4:
      case 5: {
        const expected = seen.get(key);
        if (expected !== undefined && target.compareAndSet) return { type: "compareAndSet", expected, value };
      }
    }
    return { type: "get" };
  }
}

async function run(key: string, action: Action): Promise<Outcome> {
  try {
    switch (action.type) {
      case "get":
        return await target.get(key);
      case "set":
        return await target.set(key, action.value);
      case "create":
        return await target.create(key, action.value);
      case "delete":
        return await target.delete(key);
      case "compareAndSet":
        return await target.compareAndSet!(key, action.expected, action.value);
    }
  } catch (error) {
    if (error instanceof StoreError && error.code === "ERR_STORE_OUTCOME_UNKNOWN") return "unknown";
    if (error instanceof StoreError && NOTHING_DONE.has(error.code)) return "failed";
    throw error;
  }
}
