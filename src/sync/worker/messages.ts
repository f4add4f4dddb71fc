import type { EngineCapabilities } from "../../engine/capabilities.ts";
import type { Commit, CommitResult, EngineInfo, Listing } from "../../engine/contract.ts";
import type { Entry, Space, Value } from "../../engine/entry.ts";
import type { RangeRead } from "../../engine/range.ts";
import type { Location } from "../../engines/location.ts";

/*
 * What the two threads of a blocking engine say to each other.
 */

export interface Calls {
  capabilities(): EngineCapabilities;
  getValue(key: string): Value | undefined;
  get(key: string, space?: Space): Entry | undefined;
  list(range: RangeRead): Listing;
  commit(commit: Commit): CommitResult;
  info(): EngineInfo;
  close(): void;
}

export interface Request {
  readonly id: number;
  readonly name: keyof Calls;
  readonly args: readonly unknown[];
  /** Milliseconds. */
  readonly timeout: number;
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: Failure;
}

/** An error, as it crosses over. */
export interface Failure {
  readonly type: string;
  readonly code?: string | undefined;
  readonly message: string;
}

export type ServerLocation = Extract<Location, { readonly url: string }>;

/** What the worker is started with. */
export interface Start {
  readonly location: ServerLocation;
  readonly port: import("node:worker_threads").MessagePort;
  readonly shared: Int32Array;
}

/** Where in the shared memory the answers are counted: what the caller sleeps on. */
export const ANSWERS = 0;
/** Where the id of a write stands until one of the two claims it: the thread to send it, or the caller to take it back. */
export const PENDING = 1;
export const SHARED_BYTES = 8;
