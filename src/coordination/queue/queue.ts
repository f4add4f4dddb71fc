import type { CommitResult, Mutation } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { checkValue } from "../../engine/limits.ts";
import { pages } from "../../engine/pages.ts";
import type { RangeRead } from "../../engine/range.ts";
import { invalidType, outOfRange } from "../../errors.ts";
import { decode, encode } from "../../structured-clone/encode.ts";
import { backoff } from "../../wait/backoff.ts";
import { Deadline, type WaitOptions } from "../../wait/deadline.ts";
import { checkOptions } from "../../wait/options.ts";
import { checkTimeout, LONGEST_TIMEOUT } from "../../wait/timeout.ts";
import { retryTransient } from "../../wait/transient.ts";
import { checkLayout } from "../common/layout-version.ts";
import { describeOwner } from "../common/owner.ts";
import type { Participant } from "../common/participant.ts";
import { abandonEntry, withSession } from "../common/session.ts";
import type { Step } from "../common/step.ts";
import { untilAnswered } from "../common/until-answered.ts";
import { untilChanged } from "../common/until-changed.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Job } from "./job.ts";
import { type JobRecord, jobId, QueueKeys, type QueuePart, readRecord } from "./keys.ts";
import { type Arrival, QueuePusher } from "./pusher.ts";

export interface QueueOptions {
  /** How many attempts a job has that is pushed by this object; then it becomes a dead letter. Default 5. */
  readonly attempts?: number;
}

export interface PushOptions extends QueueOptions {
  /** How long nobody takes it, in milliseconds. Default 0. */
  readonly delay?: number;
}

export interface QueueState {
  /** Jobs that are free to be taken. */
  readonly ready: number;
  /** Jobs that are not due. */
  readonly delayed: number;
  /** Jobs that are being worked on. */
  readonly active: number;
  readonly dead: number;
}

interface Candidate {
  readonly id: number;
  readonly entry: Entry;
  readonly record: JobRecord;
  /** How many attempts were begun. */
  readonly attempts: number;
}

/** How many jobs are looked at, beyond those that are being worked on. */
const LOOK = 4;
/** Bounds of the pause after other workers took the job, in milliseconds. */
const SHORTEST_PAUSE = 1;
const LONGEST_PAUSE = 16;

let nextClaim = 1;

/*
 * Algorithm: a job is an entry under a number from a counter; to take it is to create an entry beside it that is bound to the
 * worker's session, to settle it is one commit that is checked against that entry's version (the claims of Curator's
 * `DistributedQueue` with locks; the visibility timeout of Amazon SQS, with the worker's life in place of a time).
 */

/**
 * A work queue across processes. Each job is worked on by one worker at a time, as long as that lives; a job whose worker
 * dies returns to its place; each is acknowledged at most once, and is done at least once or becomes a dead letter (at-least-once
 * delivery: a worker that dies between the work and `ack()` leaves it to another; `acking()` joins the two). Jobs are taken
 * in the order of their pushes, delayed ones when they are due. Values are structured data.
 */
export class Queue<T = unknown> implements AsyncIterable<Job<T>> {
  readonly name: string;
  /** The jobs that are not tried any more: an async iterable, with `requeue(id)` and `discard(id)`. */
  readonly deadLetters: DeadLetters<T>;
  readonly #participant: Participant;
  readonly #attempts: number;
  readonly #keys: QueueKeys;
  readonly #pusher: QueuePusher;

  constructor(participant: Participant, name: string, options: QueueOptions = {}) {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    checkOptions(options, ["attempts"], "queue");
    this.#attempts = checkAttempts(options.attempts ?? 5);
    this.name = name;
    this.#participant = participant;
    this.#keys = new QueueKeys(name);
    this.#pusher = new QueuePusher(participant.engine, this.#keys, `a push to queue ${JSON.stringify(name)}`);
    this.deadLetters = new DeadLetters(participant.engine, this.#keys, this.#pusher);
  }

  /**
   * Puts a job at the end; resolves to its id once it is in the store. A `DataCloneError` for a value that is no data. After
   * `ERR_STORE_OUTCOME_UNKNOWN` (engines on a network) it may have been put there or not.
   */
  async push(value: T, options: PushOptions = {}): Promise<number> {
    return this.#pusher.push(this.#arrival("push", value, options)());
  }

  /** The push as a part of an atomic commit, which holds one push to a queue at most. */
  pushing(value: T, options: PushOptions = {}): Step {
    return this.#pusher.pushing(this.#arrival("pushing", value, options));
  }

  /**
   * Waits for the next job and takes it. Rejects with the signal's reason, `ERR_STORE_TIMEOUT` (default: no time-out) or
   * `ERR_STORE_CLOSED`. A job that is not settled stays with this process until its store handle closes.
   */
  async take(options: WaitOptions = {}): Promise<Job<T>> {
    checkOptions(options, ["signal", "timeout"], "take");
    const deadline = new Deadline(options, `a job of queue ${JSON.stringify(this.name)}`);
    try {
      return await retryTransient([deadline.signal], async () => {
        await deadline.within(checkLayout(this.#participant.engine));
        return this.#take(deadline);
      });
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** The jobs, one after the other, as `take()` gives them. It does not settle them: `ack()` each, also after a `break`. */
  async *jobs(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Job<T>, never> {
    checkOptions(options, ["signal"], "jobs");
    for (;;) yield await this.take(options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Job<T>, never> {
    return this.jobs();
  }

  /** How many jobs there are, counted one part after the other. */
  async state(): Promise<QueueState> {
    await checkLayout(this.#participant.engine);
    const due = this.#keys.dueAfter(Date.now());
    const [active, ready, past, delayed, dead] = [
      await this.#count("claim"),
      await this.#count("ready"),
      await this.#count("delayed", { end: due }),
      await this.#count("delayed", { start: due }),
      await this.#count("dead"),
    ];
    return { ready: Math.max(0, ready + past - active), delayed, active, dead };
  }

  async #count(part: QueuePart, bounds: { readonly start?: string; readonly end?: string } = {}): Promise<number> {
    let sum = 0;
    for await (const page of pages(this.#participant.engine, {
      space: "system",
      prefix: this.#keys.part(part),
      ...bounds,
    }))
      sum += page.length;
    return sum;
  }

  #arrival(call: string, value: T, options: PushOptions): () => Arrival {
    checkOptions(options, ["attempts", "delay"], call);
    const { delay = 0 } = options;
    if (checkTimeout(delay, "delay") !== delay) throw outOfRange("delay", `at most ${LONGEST_TIMEOUT} ms`, delay);
    const limit = checkAttempts(options.attempts ?? this.#attempts);
    const text = encode(value);
    const arrival = () => {
      const record: JobRecord = { value: text, attempts: 0, limit, from: Date.now() + delay };
      return { record, delayed: delay > 0 };
    };
    checkValue(JSON.stringify(arrival().record), this.#participant.engine.capabilities.limits);
    return arrival;
  }

  async #take(deadline: Deadline): Promise<Job<T>> {
    let width = LOOK;
    for (let conflicts = 0; ; ) {
      deadline.throwIfOver();
      const { view, candidate, active } = await this.#look(width, deadline);
      if (candidate === "further") width = active + LOOK;
      else if (!candidate) {
        await this.#idle(view, deadline);
        conflicts = 0;
      } else if (candidate.attempts >= candidate.record.limit) await this.#moveToDeadLetters(candidate, deadline);
      else {
        const job = await this.#claim(candidate, deadline);
        if (job) return job;
        // Somebody else was faster, and the next one is free perhaps.
        conflicts++;
        if (conflicts > 1) await deadline.pause(backoff(conflicts - 1, SHORTEST_PAUSE, LONGEST_PAUSE));
      }
    }
  }

  /** The first job that is free; "further": all that were looked at are being worked on. */
  async #look(width: number, deadline: Deadline) {
    const now = Date.now();
    const due = this.#keys.dueAfter(now);
    const part = (name: QueuePart): RangeRead => ({
      space: "system",
      prefix: this.#keys.part(name),
    });
    const reads: RangeRead[] = [
      { ...part("ready"), limit: width },
      { ...part("delayed"), end: due, limit: width },
      { ...part("delayed"), start: due, limit: 1 },
      part("claim"),
      part("attempt"),
    ];
    const view = await this.#participant.engine.commit({ reads }, deadline.commit);
    const claims = new Set(view.reads[3]!.map(({ key }) => jobId(key)));
    const begun = new Map(view.reads[4]!.map(({ key, value }) => [jobId(key), Number(value)]));
    let first: Candidate | undefined;
    let further = false;
    for (const entries of view.reads.slice(0, 2)) {
      const entry = entries.find(({ key }) => !claims.has(jobId(key)));
      if (!entry) further ||= entries.length === width;
      else {
        const id = jobId(entry.key);
        const record = readRecord(entry);
        if (!first || record.from < first.record.from)
          first = { id, entry, record, attempts: begun.get(id) ?? record.attempts };
      }
    }
    return { view, candidate: further ? ("further" as const) : first, active: claims.size };
  }

  /**
   * Waits until a job may have come, become due or returned. All who are idle do: were they in a line of which only the first
   * is woken, one that is stopped or computes would keep the jobs from the others.
   */
  async #idle(view: CommitResult, deadline: Deadline): Promise<void> {
    const next = view.reads[2]![0];
    const wait = next ? Math.max(1, readRecord(next).from - Date.now()) : LONGEST_TIMEOUT;
    const due = new Deadline({ timeout: Math.min(wait, LONGEST_TIMEOUT) }, "the next job to become due");
    try {
      const ranges = [
        { space: "system", key: this.#keys.tail },
        { space: "system", prefix: this.#keys.part("claim") },
      ] as const;
      await untilChanged(this.#participant.engine, ranges, view.version, [deadline.signal, due.signal]);
    } catch (error) {
      if (!due.signal.aborted || error !== due.signal.reason) throw error;
    } finally {
      due[Symbol.dispose]();
    }
  }

  /** `undefined`: somebody else has it. */
  async #claim({ id, entry, record, attempts }: Candidate, deadline: Deadline): Promise<Job<T> | undefined> {
    const { engine } = this.#participant;
    const value = decode(record.value) as T;
    const claim = { space: "system", key: this.#keys.claim(id) } as const;
    const attempt = attempts + 1;
    return withSession(this.#participant, deadline, async (session) => {
      const owner = JSON.stringify({ ...describeOwner(), claim: `${session.id}-${nextClaim++}` });
      const commit = {
        checks: [{ ...claim, version: 0 }, { space: "system", key: entry.key, version: entry.version } as const],
        mutations: [
          { type: "set", ...claim, value: owner, session: session.id },
          { type: "set", space: "system", key: this.#keys.attempt(id), value: String(attempt) },
        ] as const,
        reads: [claim],
      };
      try {
        const { reads } = await untilAnswered(() => engine.commit(commit, deadline.commit));
        const made = reads[0]![0];
        if (made?.value !== owner) return undefined;
        const parts = { engine, session, keys: this.#keys, id, key: entry.key, record, attempt, token: made.version };
        return new Job(parts, value);
      } catch (error) {
        // The job would stay claimed, and nobody would work on it.
        await abandonEntry(engine, session, claim.key, owner);
        throw error;
      }
    });
  }

  /** Its workers have died as often as it has attempts. */
  async #moveToDeadLetters({ id, entry, record, attempts }: Candidate, deadline: Deadline): Promise<void> {
    const value = JSON.stringify({ ...record, attempts, died: Date.now() });
    const mutations: Mutation[] = [
      { type: "delete", space: "system", key: entry.key },
      { type: "delete", space: "system", key: this.#keys.attempt(id) },
      { type: "set", space: "system", key: this.#keys.dead(id), value },
    ];
    const checks = [
      { space: "system", key: this.#keys.claim(id), version: 0 },
      { space: "system", key: entry.key, version: entry.version },
    ] as const;
    await this.#participant.engine.commit({ checks, mutations }, deadline.commit);
  }
}

function checkAttempts(attempts: unknown): number {
  if (typeof attempts !== "number") throw invalidType("attempts", "a number", attempts);
  if (attempts !== Infinity && (!Number.isSafeInteger(attempts) || attempts < 1))
    throw outOfRange("attempts", "a whole number from 1, or Infinity", attempts);
  return Math.min(attempts, Number.MAX_SAFE_INTEGER);
}
