import { Barrier } from "../coordination/barrier.ts";
import { Channel, type ChannelOptions } from "../coordination/channel/channel.ts";
import type { Participant } from "../coordination/common/participant.ts";
import { Counter } from "../coordination/counter.ts";
import { Candidacy, type ElectOptions, type Leader, leader, leaders } from "../coordination/election.ts";
import { LockClient, type LockWaitOptions } from "../coordination/locks/client.ts";
import type { Lock } from "../coordination/locks/lock.ts";
import { LockManager } from "../coordination/locks/web-locks.ts";
import { forget, type OnceContext, type OnceOptions, once } from "../coordination/once.ts";
import { Queue, type QueueOptions } from "../coordination/queue/queue.ts";
import { RateLimit, type RateLimitOptions } from "../coordination/rate-limit.ts";
import { Semaphore } from "../coordination/semaphore.ts";
import type { EngineCapabilities } from "../engine/capabilities.ts";
import type { Awaitable, Engine, EngineInfo, SessionOptions } from "../engine/contract.ts";
import { namespaced } from "../engine/namespace.ts";
import { backupUnsupportedError } from "../engine/standard-errors.ts";
import { Atomic } from "./atomic.ts";
import type { Codec } from "./codec.ts";
import { StoreSession } from "./session.ts";
import { SharedValues } from "./values.ts";

/**
 * An open store: its values (see `SharedValues`), and what processes coordinate by. One object can serve a whole program; all that it
 * holds (locks, leaderships, ephemeral entries) goes when it is closed or its process or thread ends in any way.
 */
export class Store<Out = string, In = Out> extends SharedValues<Out, In> implements AsyncDisposable {
  /** The Web Locks API across processes. */
  readonly locks: LockManager;
  readonly #participant: StoreSession;
  readonly #codec: Codec<Out, In>;
  readonly #session: SessionOptions | undefined;
  readonly #locks: LockClient;

  /** Use `openStore()`; directly only for an engine of one's own. */
  constructor(engine: Engine, codec: Codec<Out, In>, session?: SessionOptions) {
    const participant = new StoreSession(engine, session);
    super(participant, codec);
    this.#participant = participant;
    this.#codec = codec;
    this.#session = session;
    this.#locks = new LockClient(participant);
    this.locks = new LockManager(this.#locks);
  }

  /**
   * The store's engine and session, for primitives of your own (see `ipctools/coordination`). Closing the store closes them.
   */
  get participant(): Participant {
    return this.#participant;
  }

  /** What the engine can do, what it cannot promise, and its limits. */
  get capabilities(): EngineCapabilities {
    return this.#participant.engine.capabilities;
  }

  /** Several changes that are made together or not at all. */
  atomic(): Atomic<Out, In> {
    return new Atomic(this.#participant, this.#codec);
  }

  /**
   * A store on the part of the keys that begins with `prefix`, shown without it, whose locks, queues and the rest are apart
   * from those of the whole and of every other prefix. `close()` ends what was opened through it; closing the whole ends it too.
   */
  namespace(prefix: string): Store<Out, In> {
    return new Store(namespaced(this.#participant.engine, prefix), this.#codec, this.#session);
  }

  /** Waits for a lock, first come, first served. Default: exclusive, no timeout. */
  lock(name: string, options?: LockWaitOptions): Promise<Lock> {
    return this.#locks.lock(name, options);
  }

  /** At most `permits` holders at a time. */
  semaphore(name: string, permits: number): Semaphore {
    return new Semaphore(this.#participant, name, permits);
  }

  /** Stands for the leadership of a name: `await candidacy.won`. */
  elect(name: string, options?: ElectOptions): Candidacy {
    return new Candidacy(this.#participant, name, options);
  }

  /** Who leads now; `undefined`: nobody. */
  leader(name: string): Promise<Leader | undefined> {
    return leader(this.#participant, name);
  }

  /** The leader now and after each change. */
  leaders(name: string, options?: { readonly signal?: AbortSignal }): AsyncGenerator<Leader | undefined, never> {
    return leaders(this.#participant, name, options);
  }

  /** Runs `fn` once across all processes, and gives everybody its result. */
  once<T>(name: string, fn: (context: OnceContext) => Awaitable<T>, options?: OnceOptions): Promise<T> {
    return once(this.#participant, name, fn, options);
  }

  /** Forgets what `once` has kept under the name; whether there was anything. */
  forgetOnce(name: string): Promise<boolean> {
    return forget(this.#participant, name);
  }

  /** All wait until `parties` have come. */
  barrier(name: string, parties: number): Barrier {
    return new Barrier(this.#participant, name, parties);
  }

  /** A `BroadcastChannel` across processes. */
  channel<T = unknown>(name: string, options?: ChannelOptions): Channel<T> {
    return new Channel<T>(this.#participant, name, options);
  }

  /** A work queue. */
  queue<T = unknown>(name: string, options?: QueueOptions): Queue<T> {
    return new Queue<T>(this.#participant, name, options);
  }

  /** A shared whole number, apart from the keys. */
  counter(name: string): Counter {
    return new Counter(this.#participant, name);
  }

  /** A sliding-window limit that all processes share. */
  rateLimit(name: string, options: RateLimitOptions): RateLimit {
    return new RateLimit(this.#participant, name, options);
  }

  /** Where the store is and what it is like. Holds no secret. */
  async info(): Promise<EngineInfo> {
    return this.#participant.engine.info();
  }

  /**
   * Writes a copy of a store file to `path`, which must not exist yet (`ERR_STORE_IO`): the state at one moment, while others go on
   * writing, without ephemeral entries and held locks. It blocks the event loop while it copies; `ipctools backup FILE` is a process
   * of its own. Throws `ERR_STORE_UNSUPPORTED` on other engines and in a namespace.
   *
   * @example
   * await store.backup("/backups/monday.db");
   */
  async backup(path: string): Promise<void> {
    const { engine } = this.#participant;
    if (engine.backup === undefined) throw backupUnsupportedError(engine.name);
    await engine.backup(path);
  }

  /** Ends its session, watches and waits (they reject with `ERR_STORE_CLOSED`), and lets go of everything. Idempotent. */
  close(): Promise<void> {
    return this.#participant.engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
