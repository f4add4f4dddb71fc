import type { Entry } from "../../engine/entry.ts";
import { parseRecord } from "../common/record.ts";
import { systemPrefix } from "../common/system-key.ts";

/** What stands in the store for a job, from its push to its end. */
export interface JobRecord {
  /** The value, as structured data. */
  readonly value: string;
  /** How many attempts have been given back; those that ended with a worker's death are counted beside. */
  readonly attempts: number;
  /** How many attempts it has. */
  readonly limit: number;
  /** When it was, or will be, free to be taken, in milliseconds since the epoch. */
  readonly from: number;
  /** Why the last attempt failed, in words. */
  readonly error?: string;
  /** When it became a dead letter. */
  readonly died?: number;
}

/** `ready` and `delayed`: jobs. `claim`: bound to who works on a job. `attempt`: how often it was begun. `dead`: dead letters. */
export type QueuePart = "ready" | "delayed" | "claim" | "attempt" | "dead";

/** Where the parts of a queue lie. Numbers are padded, so that the order of keys is the order of numbers. */
export class QueueKeys {
  readonly #prefix: string;

  constructor(name: string) {
    this.#prefix = systemPrefix("queue", name);
  }

  /** The number of the job that was pushed last. */
  get tail(): string {
    return `${this.#prefix}tail`;
  }

  part(part: QueuePart): string {
    return `${this.#prefix}${part}/`;
  }

  ready(id: number): string {
    return `${this.part("ready")}${pad(id)}`;
  }

  delayed(due: number, id: number): string {
    return `${this.part("delayed")}${pad(due)}-${pad(id)}`;
  }

  /** The first key of a delayed job that is not due at that time. */
  dueAfter(time: number): string {
    return `${this.part("delayed")}${pad(time + 1)}`;
  }

  claim(id: number): string {
    return `${this.part("claim")}${pad(id)}`;
  }

  attempt(id: number): string {
    return `${this.part("attempt")}${pad(id)}`;
  }

  dead(id: number): string {
    return `${this.part("dead")}${pad(id)}`;
  }
}

const DIGITS = 16;

function pad(number: number): string {
  return String(Math.ceil(number)).padStart(DIGITS, "0");
}

/** The number of the job that a key is about. */
export function jobId(key: string): number {
  return Number(key.slice(-DIGITS));
}

export function readRecord(entry: Entry): JobRecord {
  return parseRecord<JobRecord>(
    entry,
    ({ value, attempts, limit, from }) =>
      typeof value === "string" && [attempts, limit, from].every((number) => typeof number === "number"),
  );
}
