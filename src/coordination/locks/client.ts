import type { Session } from "../../engine/contract.ts";
import { invalidType, invalidValue } from "../../errors.ts";
import { Deadline, type WaitOptions } from "../../wait/deadline.ts";
import { checkOptions } from "../../wait/options.ts";
import { unlessAborted } from "../../wait/unless-aborted.ts";
import type { Participant } from "../common/participant.ts";
import { sessionErrorOr, withSession } from "../common/session.ts";
import { LockLayout, type LockMode } from "./layout.ts";
import { Lock } from "./lock.ts";
import { type Grant, LockRequest } from "./request.ts";
import { steal } from "./steal.ts";
import { LockNotices, stolen } from "./theft-notices.ts";

export interface LockWaitOptions extends WaitOptions {
  /** Default `"exclusive"`. */
  readonly mode?: LockMode;
}

export type LockManner = "wait" | "if-available" | "steal";

let nextId = 1;

/** Takes locks for one participant: its requests for a name join the line in the order in which they were made. */
export class LockClient {
  readonly participant: Participant;
  /** For each name, until its requests so far have their places. */
  readonly #entering = new Map<string, Promise<void>>();
  /** The layout of the lock that was asked for last. */
  #latest: LockLayout | undefined;
  readonly #notices = new WeakMap<Session, LockNotices>();

  constructor(participant: Participant) {
    this.participant = participant;
  }

  /**
   * Waits for the lock. `undefined` only in the manner `"if-available"`. A session that is lost during the wait costs the
   * place in the line: a new one is taken.
   */
  async acquire(name: string, options: LockWaitOptions, manner: LockManner = "wait"): Promise<Lock | undefined> {
    const mode = checkMode(options.mode);
    const deadline = new Deadline(options, `lock ${JSON.stringify(name)}`);
    try {
      return await this.#inOrder(name, deadline, (entered) =>
        withSession(this.participant, deadline, (session) =>
          this.#take(session, name, mode, manner, deadline, entered),
        ),
      );
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  /** Waits for the lock, as a handle that releases it. */
  async lock(name: string, options: LockWaitOptions = {}): Promise<Lock> {
    if (typeof name !== "string") throw invalidType("name", "a string", name);
    checkOptions(options, ["mode", "signal", "timeout"], "lock");
    const lock = await this.acquire(name, options);
    return lock!;
  }

  /** Resolves when all requests that were made before have their places. */
  async entered(): Promise<void> {
    await Promise.all(this.#entering.values());
  }

  /** `take` begins when the requests before it have called their `entered`, or have ended. */
  async #inOrder<T>(name: string, deadline: Deadline, take: (entered: () => void) => Promise<T>): Promise<T> {
    const before = this.#entering.get(name);
    const own = Promise.withResolvers<void>();
    const both = before === undefined ? own.promise : before.then(() => own.promise);
    this.#entering.set(name, both);
    const forget = () => this.#entering.get(name) === both && this.#entering.delete(name);
    const entered = () => {
      own.resolve();
      if (before === undefined) forget();
      else void both.then(forget);
    };
    try {
      if (before !== undefined) await unlessAborted(before, deadline.signal);
      return await take(entered);
    } finally {
      entered();
    }
  }

  async #take(
    session: Session,
    name: string,
    mode: LockMode,
    manner: LockManner,
    deadline: Deadline,
    entered: () => void,
  ): Promise<Lock | undefined> {
    const { engine } = this.participant;
    const layout = this.#layoutOf(name);
    if (manner === "steal") {
      const { grant, isRobbed } = await steal(engine, session, layout, nextId++, deadline);
      const lock = this.#granted(grant, layout, mode, session);
      if (isRobbed) lock.lose(stolen(name));
      return lock;
    }
    const request = new LockRequest(engine, session, layout, mode, nextId++);
    try {
      deadline.throwIfOver();
      const grant =
        manner === "if-available"
          ? await request.takeIfAvailable(deadline)
          : ((await request.takeFree(deadline)) ?? (await request.takeTurn(deadline, entered)));
      deadline.throwIfOver();
      return grant && this.#granted(grant, layout, mode, session);
    } catch (error) {
      await request.abandon();
      throw sessionErrorOr(session, error);
    }
  }

  #granted(grant: Grant, layout: LockLayout, mode: LockMode, session: Session): Lock {
    const { engine } = this.participant;
    const { name } = layout;
    const what = `The lock ${JSON.stringify(name)}`;
    const givingUp = mode === "exclusive" ? [layout.deleteHolder] : [];
    const notices = this.#noticesOf(session);
    const ended = () => notices.remove(lock);
    const lock = new Lock({ ...grant, engine, session, name, mode, what, givingUp, ended });
    notices.add(lock);
    return lock;
  }

  #layoutOf(name: string): LockLayout {
    if (this.#latest?.name !== name) this.#latest = new LockLayout(name);
    return this.#latest;
  }

  #noticesOf(session: Session): LockNotices {
    let notices = this.#notices.get(session);
    if (!notices) {
      notices = new LockNotices(this.participant.engine, session);
      this.#notices.set(session, notices);
    }
    return notices;
  }
}

function checkMode(mode: LockMode = "exclusive"): LockMode {
  if (mode !== "exclusive" && mode !== "shared") throw invalidValue("mode", '"exclusive" or "shared"', mode);
  return mode;
}
