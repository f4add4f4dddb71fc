import type { Check, CommitResult, Mutation, Session } from "../engine/contract.ts";
import type { Entry } from "../engine/entry.ts";
import { checkValue } from "../engine/limits.ts";
import { checkTtl } from "../engine/validate.ts";
import { invalidType, StoreError } from "../errors.ts";
import { decode, encode } from "../structured-clone/encode.ts";
import { Deadline } from "../wait/deadline.ts";
import { JoinedSignal } from "../wait/joined-signal.ts";
import { checkOptions } from "../wait/options.ts";
import { retryTransient } from "../wait/transient.ts";
import type { Fence } from "./common/fence.ts";
import { checkLayout } from "./common/layout-version.ts";
import type { Participant } from "./common/participant.ts";
import { parseRecord } from "./common/record.ts";
import { abandonEntry, deleteUntilGone, withSession } from "./common/session.ts";
import { systemKey } from "./common/system-key.ts";
import { untilAnswered } from "./common/until-answered.ts";
import { untilChanged } from "./common/until-changed.ts";

export interface OnceOptions {
  /**
   * How long the outcome is kept after the run, in milliseconds; `0`: it is for those alone who were waiting when it came.
   * Default: until `forget()`.
   */
  readonly ttl?: number;
  /** Whether a failure is kept like a result. Default `false`: those who waited get it, a later call runs anew. */
  readonly cacheFailures?: boolean;
  /** Whether a result is kept; one that is not goes to those who wait, and a later call runs anew. Default: every one is. */
  readonly keep?: (result: unknown) => boolean;
  /** Ends the wait for another's run. If this call is the runner, it also aborts the context's signal. */
  readonly signal?: AbortSignal;
  /** How long to wait for others' runs, in milliseconds; then `ERR_STORE_TIMEOUT`. One's own run takes what it takes. Default: no end. */
  readonly timeout?: number;
}

/** What the function that runs is told. Give it as `{ fence }` to writes that must not happen once another has taken over. */
export interface OnceContext extends Fence {
  /** Aborted when the run is no longer this process's (its session was lost, the store was closed) or the caller's signal is. */
  readonly signal: AbortSignal;
  /** Grows from run to run: a fencing token. */
  readonly token: number;
}

/** How long an outcome that is not kept stays for those who were waiting, in milliseconds. */
const GRACE = 30_000;

/** Characters of an error's message that the others get. */
const LONGEST_MESSAGE = 10_000;

type Outcome =
  | { readonly run: number; readonly value: string }
  | { readonly run: number; readonly error: { name: string; message: string; code?: string | number } };

/*
 * Algorithm: the runner is an entry bound to its session, taken by a create-if-absent; in one commit it goes and the outcome
 * comes. (Single flight as in Go's `golang.org/x/sync/singleflight`; ephemeral owner as in Chubby, Burrows 2006.)
 */

/**
 * Runs `fn` once across all processes, and gives everybody its result (single flight): the first caller runs, the others wait
 * for its outcome, later ones get what was kept. If the runner dies, one of those who wait takes over. Results are structured
 * data (see `structured.ts`); a failure reaches the others as an `Error` with its name, message and code.
 *
 * Errors: what `fn` throws; a `DataCloneError` or `RangeError` for a result that is no data or too large (the others get it
 * too); `ERR_STORE_SESSION_LOST` if the run was taken from this process before it ended: its result does not count.
 * `fn` must not call `once` with the same name and wait for it: it would wait for itself.
 */
export async function once<T>(
  participant: Participant,
  name: string,
  fn: (context: OnceContext) => T | Promise<T>,
  options: OnceOptions = {},
): Promise<T> {
  if (typeof fn !== "function") throw invalidType("fn", "a function", fn);
  checkOptions(options, ["ttl", "cacheFailures", "keep", "signal", "timeout"], "once");
  if (options.ttl !== undefined && options.ttl !== 0) checkTtl(options.ttl);
  const flight = new Flight(participant, name, options);
  const deadline = new Deadline(options, `the run of ${JSON.stringify(name)}`);
  try {
    return (await flight.join(fn, deadline)) as T;
  } finally {
    deadline[Symbol.dispose]();
  }
}

/** Forgets the outcome that was kept, so that the next call runs anew. A run that is under way goes on. Whether there was one. */
export async function forget(participant: Participant, name: string): Promise<boolean> {
  const { outcome } = new Flight(participant, name, {});
  const { engine } = participant;
  await checkLayout(engine);
  const { reads } = await engine.commit({ reads: [outcome] });
  if (!reads[0]![0]) return false;
  await engine.commit({ mutations: [{ type: "delete", ...outcome }] });
  return true;
}

type Place = { readonly key: string; readonly space: "system" };

class Flight {
  readonly outcome: Place;
  readonly #participant: Participant;
  readonly #name: string;
  readonly #options: OnceOptions;
  readonly #runner: Place;
  /** The value of this call's entry as the runner. */
  readonly #id = crypto.randomUUID();

  constructor(participant: Participant, name: string, options: OnceOptions) {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    this.#participant = participant;
    this.#name = name;
    this.#options = options;
    this.outcome = place(name, "outcome");
    this.#runner = place(name, "runner");
  }

  async join(fn: (context: OnceContext) => unknown, deadline: Deadline): Promise<unknown> {
    const { engine } = this.#participant;
    // The run that this call waited for last; its outcome is this call's, kept or not.
    let awaited = 0;
    for (;;) {
      const { session, version, reads } = await withSession(this.#participant, deadline, (session) =>
        this.#take(session, awaited, deadline),
      );
      const [runner, kept, passing] = reads.map((entries) => entries[0]);
      if (runner?.value === this.#id && runner.session === session.id)
        return await this.#run(fn, session, runner.version);
      const outcome = passing ?? kept;
      if (outcome) return this.#result(outcome);
      if (!runner) continue;
      awaited = runner.version;
      const signals = [deadline.signal];
      await retryTransient(signals, () => untilChanged(engine, [this.#runner], version, signals));
    }
  }

  /** Becomes the runner, unless there is one or an outcome; reads all three. */
  async #take(session: Session, awaited: number, deadline: Deadline): Promise<CommitResult & { session: Session }> {
    const { engine } = this.#participant;
    const reads = [this.#runner, this.outcome, this.#passing(awaited)];
    const commit = {
      checks: reads.map((absent) => ({ ...absent, version: 0 })),
      mutations: [{ type: "set", ...this.#runner, value: this.#id, session: session.id } as const],
      reads,
    };
    try {
      return { ...(await untilAnswered(() => engine.commit(commit, deadline.commit))), session };
    } catch (error) {
      // The others would wait for a run that nobody makes.
      await abandonEntry(engine, session, this.#runner.key, this.#id);
      throw error;
    }
  }

  async #run(fn: (context: OnceContext) => unknown, session: Session, token: number): Promise<unknown> {
    const { signal } = this.#options;
    const joined = new JoinedSignal(signal ? [signal, session.signal] : [session.signal]);
    const context: OnceContext = {
      token,
      check: { ...this.#runner, version: token },
      signal: joined.signal,
    };
    let result: string;
    let keep = true;
    try {
      const value = await fn(context);
      keep = this.#options.keep?.(value) ?? true;
      result = encode(value);
      checkValue(result, this.#participant.engine.capabilities.limits);
    } catch (error) {
      // A run that its own caller called off says nothing to the others: one of them runs it anew.
      const outcome: Outcome | undefined = signal?.aborted ? undefined : { run: token, error: describeError(error) };
      await this.#finish(session, context.check, outcome, this.#options.cacheFailures ?? false);
      throw error;
    } finally {
      joined[Symbol.dispose]();
    }
    if (!(await this.#finish(session, context.check, { run: token, value: result }, keep)))
      throw new StoreError(
        "ERR_STORE_SESSION_LOST",
        `The run of ${JSON.stringify(this.#name)} was taken from this process before it ended: its result does not count`,
      );
    return decode(result);
  }

  /** Ends the own run and leaves its outcome, in one step; `false`: it was no longer its own. */
  async #finish(session: Session, check: Check, outcome: Outcome | undefined, keep: boolean): Promise<boolean> {
    const { engine } = this.#participant;
    const { ttl } = this.#options;
    const mutations: Mutation[] = [{ type: "delete", ...this.#runner }];
    const places: Place[] = [];
    const leave = (place: Place, lasting: number | undefined) => {
      places.push(place);
      const value = JSON.stringify(outcome);
      mutations.push({ type: "set", ...place, value, ...(lasting !== undefined && { ttl: lasting }) });
    };
    const kept = keep && ttl !== 0;
    if (outcome && kept) leave(this.outcome, ttl);
    if (outcome && (!kept || (ttl !== undefined && ttl < GRACE))) leave(this.#passing(outcome.run), GRACE);
    let done = false;
    await deleteUntilGone(session, async () => {
      const { ok, reads } = await engine.commit({ checks: [check], mutations, reads: places });
      // An earlier try may have been made although its answer was lost.
      done = ok || reads.some(([entry]) => entry !== undefined && parse(entry).run === outcome?.run);
    });
    return done;
  }

  #result(entry: Entry): unknown {
    const outcome = parse(entry);
    if ("value" in outcome) return decode(outcome.value);
    const { name, message, code } = outcome.error;
    const error = new Error(message);
    Object.defineProperty(error, "name", { value: name, writable: true, configurable: true });
    throw code === undefined ? error : Object.assign(error, { code });
  }

  /** Where the outcome of one run is, for those who waited for it, if it is not kept long enough elsewhere. */
  #passing(run: number): Place {
    return place(this.#name, "passing", String(run));
  }
}

function place(name: string, ...rest: string[]): Place {
  return { space: "system", key: systemKey("once", name, ...rest) };
}

function parse(entry: Entry): Outcome {
  return parseRecord<Outcome>(
    entry,
    (outcome) => typeof outcome.run === "number" && ("value" in outcome || typeof outcome.error.message === "string"),
  );
}

function describeError(error: unknown): { name: string; message: string; code?: string | number } {
  if (!(error instanceof Error))
    return { name: "Error", message: String(error).toWellFormed().slice(0, LONGEST_MESSAGE) };
  const { code } = error as { code?: unknown };
  return {
    name: String(error.name).slice(0, LONGEST_MESSAGE),
    message: String(error.message).slice(0, LONGEST_MESSAGE),
    ...((typeof code === "string" || typeof code === "number") && { code }),
  };
}
