/**
 * What an engine can do. One manifest: the types, the table in the docs and the reasons of skipped tests all read it.
 * What an engine cannot do is a `StoreError` with the code `ERR_STORE_UNSUPPORTED`, never a silent nothing.
 */
export interface EngineCapabilities {
  /** How far it reaches: the handles of one process, all processes of one machine, or machines on a network. */
  readonly reach: "process" | "machine" | "network";
  /** Whether values outlive the last process that uses the store. */
  readonly persistent: boolean;
  /** How the death of a session's owner is noticed: pushed by the kernel (or the runtime), or by a lease that runs out. */
  readonly liveness: "kernel" | "lease";
  /** The finest time to live, in milliseconds: a `ttl` is rounded up to it. */
  readonly ttlResolution: number;
  /** The shortest time to live, in milliseconds: a shorter `ttl` is raised to it. */
  readonly ttlMinimum: number;
  /** Whether an acknowledged commit can be lost when a server fails over (Redis: its replication is asynchronous). */
  readonly losesOnFailover: boolean;
  readonly limits: EngineLimits;
}

export interface EngineLimits {
  /** Bytes of a key in UTF-8. */
  readonly keyBytes: number;
  /** Bytes of a value in UTF-8. */
  readonly valueBytes: number;
  /** Checks, mutations and reads in one commit. */
  readonly commitOperations: number;
  /** Bytes of all keys and values in one commit. */
  readonly commitBytes: number;
}
