import type { Check } from "../engine/contract.ts";
import type { Entry } from "../engine/entry.ts";
import { invalidType, StoreError } from "../errors.ts";
import { Deadline } from "../wait/deadline.ts";
import { checkOptions } from "../wait/options.ts";
import { retryTransient } from "../wait/transient.ts";
import type { Fence } from "./common/fence.ts";
import { Holding } from "./common/holding.ts";
import { checkLayout } from "./common/layout-version.ts";
import { describeOwner, type Owner, readOwner } from "./common/owner.ts";
import type { Participant } from "./common/participant.ts";
import { withSession } from "./common/session.ts";
import type { Step } from "./common/step.ts";
import { systemPrefix } from "./common/system-key.ts";
import { untilChanged } from "./common/until-changed.ts";
import { FifoPlace } from "./fifo/place.ts";

export interface ElectOptions {
  /** What observers are told of this candidate when it leads, an address for example. Default: the empty string. */
  readonly value?: string;
  /** Ends the candidacy: while it waits, `won` rejects with the signal's reason; while it leads, it resigns. */
  readonly signal?: AbortSignal;
  /** How long to wait for the win, in milliseconds; then `won` rejects with `ERR_STORE_TIMEOUT`. Default: no end. */
  readonly timeout?: number;
}

/** A leader as observers see it. */
export interface Leader extends Owner {
  /** What it gave as its `value`. */
  readonly value: string;
  readonly token: number;
}

/** An election as observers see it. */
export interface ElectionState {
  readonly leader: Leader | undefined;
  /** The candidates that wait, the next leader first. */
  readonly waiting: Leader[];
}

let nextId = 1;

/*
 * Algorithm: a line of session-bound entries; the oldest leads, each waits for the one before it (leader election of etcd's
 * concurrency package, ZooKeeper's recipe, Curator's `LeaderLatch`). A candidate that lost its session while it waited takes
 * a new place at the end.
 */

/**
 * A candidate for the leadership of a name, from its creation until it resigns, loses the leadership or its process ends.
 * Candidates lead in the order in which they came, one at a time; when the leader resigns or dies the next one leads.
 * Never are there two whose tokens are both current: a leader that was stopped, cut off or lost its session without
 * knowing is refused by every write that carries it as its `fence`.
 */
export class Candidacy implements Fence, AsyncDisposable {
  readonly name: string;
  /** Resolves when it leads. Rejects when the candidacy ends without a win. */
  readonly won: Promise<void>;
  readonly #participant: Participant;
  readonly #over = new AbortController();
  #holding: Holding | undefined;

  constructor(participant: Participant, name: string, options: ElectOptions = {}) {
    checkOptions(options, ["value", "signal", "timeout"], "elect");
    const { value = "", signal } = options;
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    if (typeof value !== "string") throw invalidType("value", "a string", value);
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalidType("signal", "an AbortSignal", signal);
    this.name = name;
    this.#participant = participant;
    const deadline = new Deadline({ ...options, signal: this.signal }, `leadership of ${JSON.stringify(name)}`);
    const abort = () => this.#end(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.signal.addEventListener("abort", () => signal?.removeEventListener("abort", abort), { once: true });
    if (signal?.aborted) abort();
    this.won = this.#campaign(value, deadline);
    this.won.catch((error) => this.#over.abort(error));
  }

  /** Whether it leads now, as far as this process can know. */
  get isLeader(): boolean {
    return this.#holding?.held ?? false;
  }

  /** Grows from leader to leader; `undefined` before the win. */
  get token(): number | undefined {
    return this.#holding?.token;
  }

  /** Aborted when the candidacy ends: the leadership was lost together with the session, it was resigned, or never won. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The fence. Throws `ERR_STORE_FENCED` before the win. */
  get check(): Check {
    return this.#led.check;
  }

  /** The leader and the candidates that wait now, read in one step. */
  async state(): Promise<ElectionState> {
    const { engine } = this.#participant;
    await checkLayout(engine);
    const { entries } = await engine.list({ ...candidatesOf(this.name), order: "created" });
    const [leader, ...waiting] = entries.map(readLeader);
    return { leader, waiting };
  }

  /** Ends the candidacy; the next candidate leads. Idempotent. */
  async resign(): Promise<void> {
    this.#end(this.#resignation);
    await this.won.catch(() => {});
    await this.#holding?.release();
  }

  /** The resignation as a part of an atomic commit, which is refused with `ERR_STORE_FENCED` unless it leads. */
  resigning(): Step {
    const { prepare, ...step } = this.#led.releasing();
    return {
      ...step,
      prepare: async () => {
        const prepared = await prepare();
        const committed = (version: number) => {
          prepared.committed?.(version);
          this.#end(this.#resignation);
        };
        return { ...prepared, committed };
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign();
  }

  get #led(): Holding {
    if (this.#holding) return this.#holding;
    throw new StoreError(
      "ERR_STORE_FENCED",
      `This candidate does not lead ${JSON.stringify(this.name)}; wait for \`won\` before you write in its name`,
    );
  }

  get #resignation(): DOMException {
    return new DOMException(`The candidacy for ${JSON.stringify(this.name)} was resigned`, "AbortError");
  }

  #end(reason: unknown): void {
    this.#over.abort(reason);
    // Whoever wants to hear of a failure calls resign().
    this.#holding?.release().catch(() => {});
  }

  async #campaign(value: string, deadline: Deadline): Promise<void> {
    const { engine } = this.#participant;
    const prefix = systemPrefix("election", this.name);
    const owner = JSON.stringify({ ...describeOwner(), value });
    try {
      await withSession(this.#participant, deadline, async (session) => {
        const place = new FifoPlace({ engine, session, prefix, id: nextId++, value: owner, width: 1 });
        this.#win(place, await place.take(deadline));
      });
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  #win(place: FifoPlace, token: number): void {
    const holding = new Holding({ ...place.holding(token), what: `The leadership of ${JSON.stringify(this.name)}` });
    this.#holding = holding;
    if (this.signal.aborted) {
      holding.release().catch(() => {});
      throw this.signal.reason;
    }
    const lost = () => this.#over.abort(holding.signal.reason);
    holding.signal.addEventListener("abort", lost, { once: true });
    if (holding.signal.aborted) lost();
  }
}

/** Who leads now; `undefined`: nobody. */
export async function leader(participant: Participant, name: string): Promise<Leader | undefined> {
  const { engine } = participant;
  const candidates = candidatesOf(name);
  await checkLayout(engine);
  const [oldest] = (await engine.list({ ...candidates, ...OLDEST })).entries;
  return oldest && readLeader(oldest);
}

/**
 * The leader now and after each change, `undefined` where there is none. A leader that came and went between two looks may
 * be left out. Ends with the signal's reason, or `ERR_STORE_CLOSED`. An observer is woken by changes of leadership alone.
 */
export async function* leaders(
  participant: Participant,
  name: string,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Leader | undefined, never> {
  checkOptions(options, ["signal"], "leaders");
  const { engine } = participant;
  const candidates = candidatesOf(name);
  const deadline = new Deadline(options, `a change of leadership of ${JSON.stringify(name)}`);
  const signals = [deadline.signal];
  try {
    let last: number | undefined = -1;
    await retryTransient(signals, () => checkLayout(engine));
    for (;;) {
      deadline.throwIfOver();
      const { entries, version } = await retryTransient(signals, async () => engine.list({ ...candidates, ...OLDEST }));
      const entry = entries[0];
      if (entry?.version !== last) {
        last = entry?.version;
        yield entry && readLeader(entry);
      }
      // While there is a leader nobody else can become one before its entry goes.
      const awaited = entry ? ({ space: "system", key: entry.key } as const) : candidates;
      await retryTransient(signals, () => untilChanged(engine, [awaited], version, signals));
    }
  } finally {
    deadline[Symbol.dispose]();
  }
}

const OLDEST = { order: "created", limit: 1 } as const;

function candidatesOf(name: string) {
  if (typeof name !== "string") throw invalidType("name", "a string", name);
  return { space: "system", prefix: systemPrefix("election", name) } as const;
}

function readLeader(entry: Entry): Leader {
  const { value = "", ...owner } = readOwner<Owner & { value?: string }>(entry);
  return { ...owner, value: String(value), token: entry.version };
}
