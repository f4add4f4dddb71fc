import { StoreError } from "../../../errors.ts";

export interface ServerFacts {
  /** For instance `Redis 7.0.15` or `Valkey 8.1.0`. */
  readonly version: string;
  /** `master` or `slave`. */
  readonly role: string;
  /** Identifies the history that the server's data has: another one after a restart or a fail-over. */
  readonly replid: string;
  readonly cluster: boolean;
  readonly replicas: number;
  readonly appendOnly: boolean;
  readonly maxmemoryPolicy: string;
  readonly maxmemory: number;
}

/** Reads the reply to INFO. */
export function readInfo(info: string): ServerFacts {
  const facts = new Map<string, string>();
  for (const line of info.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const redis = facts.get("redis_version") ?? "";
  const valkey = facts.get("valkey_version");
  const [major = 0, minor = 0] = redis.split(".").map(Number);
  const keydb = major === 6 && minor >= 3;
  return {
    version: valkey ? `Valkey ${valkey}` : `${keydb ? "KeyDB" : "Redis"} ${redis}`,
    role: facts.get("role") ?? "",
    replid: facts.get("master_replid") ?? "",
    cluster: facts.get("cluster_enabled") === "1",
    replicas: Number(facts.get("connected_slaves") ?? 0),
    appendOnly: facts.get("aof_enabled") === "1",
    maxmemoryPolicy: facts.get("maxmemory_policy") ?? "",
    maxmemory: Number(facts.get("maxmemory") ?? 0),
  };
}

/**
 * Throws `ERR_STORE_INCOMPATIBLE_SERVER` for a server that is too old, or one that may throw keys away when its memory is
 * full (`maxmemory-policy allkeys-…`): locks and values would vanish without a word. KeyDB counts its own versions, from 6.3.
 */
export function checkServer(facts: ServerFacts, what: string, evictable: boolean): void {
  const [, number = ""] = facts.version.split(" ");
  const [major = 0, minor = 0] = number.split(".").map(Number);
  if (!(major >= 7 || (major === 6 && minor >= 3)))
    throw new StoreError(
      "ERR_STORE_INCOMPATIBLE_SERVER",
      `${what} is ${facts.version.trim()}: Redis 7 or newer, Valkey or KeyDB 6.3 is needed`,
    );
  if (evicts(facts) && !evictable)
    throw new StoreError(
      "ERR_STORE_INCOMPATIBLE_SERVER",
      `${what} throws keys away when its memory is full (maxmemory-policy ${facts.maxmemoryPolicy}), locks and values of this store among them: set maxmemory-policy noeviction, or insist with ?evictable=allow`,
    );
}

/** Whether the server may throw away keys of ours, which have no time to live in Redis's own sense. */
function evicts(facts: ServerFacts): boolean {
  return facts.maxmemory > 0 && facts.maxmemoryPolicy.startsWith("allkeys");
}
