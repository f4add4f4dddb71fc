import { unavailableError } from "../../../engine/standard-errors.ts";
import { outOfRange, StoreError } from "../../../errors.ts";
import { REQUEST_BYTES } from "../capabilities.ts";
import type { EtcdLocation } from "./location.ts";

/** The codes of gRPC that are told apart. */
const CANCELLED = 1;
const UNKNOWN = 2;
const INVALID_ARGUMENT = 3;
export const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
export const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
export const FAILED_PRECONDITION = 9;
const ABORTED = 10;
const OUT_OF_RANGE = 11;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const DATA_LOSS = 15;
const UNAUTHENTICATED = 16;

/** What a call ended with: gRPC's code, and the text that came with it. */
export interface CallFailure {
  readonly code: number;
  readonly details: string;
}

export function isCallFailure(error: unknown): error is Error & CallFailure {
  return error instanceof Error && typeof (error as { code?: unknown }).code === "number" && "details" in error;
}

export type Verdict =
  /** Nothing was done, and the same call may succeed at once on another member, or a little later. */
  | "again"
  /** Nothing was done; a new token is needed. */
  | "token"
  /** Nothing was done, and the same call would fail again. */
  | "final"
  /** Whether anything was done cannot be known. */
  | "unknown";

/** What the failure of a call that was sent says about its effect. etcd's errors have no numbers beside gRPC's: their texts are stable (rpctypes/error.go). */
export function judge({ code, details }: CallFailure): Verdict {
  switch (code) {
    case UNAUTHENTICATED:
      return "token";
    case INVALID_ARGUMENT:
      return details.includes("revision of auth store is old") ? "token" : "final";
    case RESOURCE_EXHAUSTED:
      return details.includes("too many requests") ? "again" : "final";
    case UNAVAILABLE:
      return /no leader|not supported for learner/.test(details) ? "again" : "unknown";
    case UNKNOWN:
      // etcd 3.4 says so without a code of its own, before it proposes anything to the cluster.
      return details.includes("too many requests") ? "again" : "unknown";
    case CANCELLED:
    case DEADLINE_EXCEEDED:
    case ABORTED:
    case INTERNAL:
      return "unknown";
    default:
      return "final";
  }
}

export function isCompacted({ code, details }: CallFailure): boolean {
  return code === OUT_OF_RANGE && details.includes("compacted");
}

/** A revision was asked for that the cluster has not come to: it was restored from a copy, or is another one. */
export function isFuture({ code, details }: CallFailure): boolean {
  return code === OUT_OF_RANGE && details.includes("future revision");
}

export function isLeaseMissing({ code, details }: CallFailure): boolean {
  return code === NOT_FOUND && details.includes("lease not found");
}

export function isLeaseTaken({ code, details }: CallFailure): boolean {
  return code === FAILED_PRECONDITION && details.includes("lease already exists");
}

export function isAuthenticationOff({ code, details }: CallFailure): boolean {
  return code === FAILED_PRECONDITION && details.includes("authentication is not enabled");
}

/** The error of the contract for a failure after which nothing was done and nothing will change by itself. */
export function finalError(failure: Error & CallFailure, location: string): Error {
  const { code, details } = failure;
  const options = { cause: failure };
  const says = `the etcd server at ${location} says: ${details}`;
  if (code === RESOURCE_EXHAUSTED && details.includes("space exceeded"))
    return new StoreError(
      "ERR_STORE_FULL",
      `Nothing was written: ${says}. Compact and defragment it, then disarm its alarm: etcdctl compact, defrag, alarm disarm`,
      options,
    );
  if (/request is too large|larger than max/.test(details))
    return Object.assign(outOfRange("commit", `at most ${REQUEST_BYTES} bytes, or what the server allows`, details), {
      cause: failure,
    });
  if (details.includes("too many operations"))
    return Object.assign(outOfRange("commit", "as many operations as the server's --max-txn-ops allows", details), {
      cause: failure,
    });
  if (
    code === UNAUTHENTICATED ||
    /user name is empty|authentication failed|authentication is not enabled/.test(details)
  )
    return new StoreError(
      "ERR_STORE_AUTHENTICATION",
      `Not let in: ${says}. Give the user and password of an etcd user (etcd://USER:PASSWORD@…)`,
      options,
    );
  if (code === PERMISSION_DENIED)
    return new StoreError(
      "ERR_STORE_PERMISSION",
      `Not allowed: ${says}. Grant the user's role readwrite on the prefix: etcdctl role grant-permission ROLE readwrite PREFIX/ --prefix`,
      options,
    );
  if (code === DATA_LOSS) return new StoreError("ERR_STORE_DAMAGED", `The cluster is damaged: ${says}`, options);
  if (code === UNIMPLEMENTED) return incompatible(`${says}. The server is not etcd 3.4 or later`, options);
  return new StoreError("ERR_STORE_IO", `Nothing was done: ${says}`, options);
}

export function incompatible(message: string, options?: ErrorOptions): StoreError {
  return new StoreError("ERR_STORE_INCOMPATIBLE_SERVER", message, options);
}

/** No connection came about: because nobody is there, or because who is there cannot be talked to. */
export function notConnected({ shown, tls }: EtcdLocation, why: string, waited: number): StoreError {
  if (/protocol error|wrong version number|packet length too long/i.test(why))
    return incompatible(
      `The server at ${shown} does not speak etcd's protocol, or one side speaks TLS and the other does not (${why}). ` +
        "Name an etcd of version 3.4 or later; with TLS the URL begins with etcds://",
    );
  if (/certificate|altname|alert/i.test(why))
    return new StoreError(
      "ERR_STORE_AUTHENTICATION",
      `The TLS connection to the etcd server at ${shown} was refused (${why}). ` +
        "Check the URL's options ca, cert, key and servername",
    );
  return unavailableError(
    shown,
    waited,
    tls ? why : `${why}; for a server that speaks TLS the URL begins with etcds://`,
  );
}
