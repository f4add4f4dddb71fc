import type { Servers } from "./servers.ts";

/** What a peer is given to work with. */
export interface Place {
  /** A folder of the trial's own, shared by all its processes. */
  readonly folder: string;
  readonly servers: Servers;
  /** How long Python's loop runs, in milliseconds. */
  readonly duration: number;
}

/** A library, or a way of using one, that operations are measured on. A package of bench's own is loaded by `open`. */
export interface Peer {
  readonly name: string;
  /** How the table calls it. */
  readonly title: string;
  /** Packages of `bench/package.json` that it needs; a missing one is reported. */
  readonly packages?: readonly string[];
  readonly server?: keyof Servers;
  /** Measured by a Python program of ours: the module that it imports. */
  readonly python?: string;
  /** A file that `npm run build` makes. */
  readonly built?: string;
  /** What it takes part in. */
  readonly does: readonly Ability[];
  open?(place: Place): Promise<Subject> | Subject;
}

type Answer<T> = T | Promise<T>;

/** One process's handle on what is measured. Only what the peer's `does` says is there. */
export interface Subject {
  set?(key: string, value: string): Answer<unknown>;
  get?(key: string): Answer<unknown>;
  /** Whether it was created. */
  create?(key: string, value: string): Answer<boolean>;
  /** Waits for a lock; resolves to what releases it. */
  lock?(name: string): Promise<() => Answer<unknown>>;
  /** Resolves when this process leads; it leads until it ends. */
  elect?(name: string): Promise<unknown>;
  /** Calls back with each value that the key is set to. Resolves when nothing will be missed any more. */
  watch?(key: string, called: (value: string) => void): Promise<unknown>;
  /** Calls back with each message that others post. Resolves when nothing will be missed any more. */
  listen?(channel: string, called: (message: string) => void): Promise<unknown>;
  post?(channel: string, message: string): Answer<unknown>;
  /** The result of the function, which runs once for all processes. */
  once?(name: string, run: () => Promise<number>): Promise<number>;
  push?(queue: string, job: string): Promise<unknown>;
  /** Takes and acknowledges jobs without end; calls back after each. */
  work?(queue: string, done: () => void): Promise<unknown>;
  /** Starts a program and waits for its end. */
  start?(): void;
  /** Opens a further client as users do, which holds a lock and watches a key, and stays. */
  idle?(name: string): Promise<unknown>;
  /** How many keys there are that begin with the prefix, all of them read. */
  list?(prefix: string): Promise<number>;
  close?(): Answer<unknown>;
}

export type Ability = Exclude<keyof Subject, "close">;

/** Loads a package of `bench/package.json`; its types are not there before it is installed, so callers say what they use. */
export async function load<T>(name: string): Promise<T> {
  return (await import(name)) as T;
}
