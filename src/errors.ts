/**
 * What `StoreError.code` can be. Codes are stable; messages are for people and may change.
 * `docs/errors.md` has a row for each: what it means and what to do.
 */
export type StoreErrorCode =
  | "ERR_STORE_NOT_INITIALIZED"
  | "ERR_STORE_BUSY"
  | "ERR_STORE_TIMEOUT"
  | "ERR_STORE_CLOSED"
  | "ERR_STORE_UNSAFE"
  | "ERR_STORE_NETWORK_FILESYSTEM"
  | "ERR_STORE_NOT_A_STORE"
  | "ERR_STORE_DAMAGED"
  | "ERR_STORE_NEWER_FORMAT"
  | "ERR_STORE_READ_ONLY"
  | "ERR_STORE_PERMISSION"
  | "ERR_STORE_FULL"
  | "ERR_STORE_REPLACED"
  | "ERR_STORE_TOO_MANY_FILES"
  | "ERR_STORE_IO"
  | "ERR_STORE_RUNTIME"
  | "ERR_STORE_UNSUPPORTED"
  | "ERR_STORE_FENCED"
  | "ERR_STORE_SESSION_LOST"
  | "ERR_STORE_HISTORY_LOST"
  | "ERR_STORE_LAGGING"
  | "ERR_STORE_CODEC"
  | "ERR_STORE_UNAVAILABLE"
  | "ERR_STORE_OUTCOME_UNKNOWN"
  | "ERR_STORE_AUTHENTICATION"
  | "ERR_STORE_CLIENT_MISSING"
  | "ERR_STORE_INCOMPATIBLE_SERVER"
  | "ERR_STORE_FOREIGN_PREFIX";

/** The codes after which the same call may succeed later. */
const RETRYABLE: ReadonlySet<StoreErrorCode> = new Set([
  "ERR_STORE_BUSY",
  "ERR_STORE_TIMEOUT",
  "ERR_STORE_FULL",
  "ERR_STORE_REPLACED",
  "ERR_STORE_TOO_MANY_FILES",
  "ERR_STORE_UNAVAILABLE",
]);

/** A store that cannot do what was asked of it. A caller's own mistake is a `TypeError` or `RangeError` instead. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.code = code;
    this.retryable = RETRYABLE.has(code);
  }
}

/**
 * Whether this is a `StoreError` (with this code, if one is given). By name, because the class exists twice in a process
 * that has loaded two copies of this file: the bundled command line has one of its own beside that of the engines which it
 * loads on demand.
 */
export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError {
  return (
    error instanceof Error && error.name === "StoreError" && (code === undefined || code === (error as StoreError).code)
  );
}

/** A `TypeError` with a Node-style code: the value is of the wrong kind. */
export function invalidType(name: string, expected: string, actual: unknown): TypeError & { code: string } {
  return Object.assign(new TypeError(`${name} must be ${expected}; got ${describe(actual)}`), {
    code: "ERR_INVALID_ARG_TYPE",
  });
}

/** A `TypeError` with a Node-style code: the kind is right, the value is not. */
export function invalidValue(name: string, expected: string, actual: unknown): TypeError & { code: string } {
  return Object.assign(new TypeError(`${name} must be ${expected}; got ${describe(actual)}`), {
    code: "ERR_INVALID_ARG_VALUE",
  });
}

/** A `RangeError` with a Node-style code: too long, too large, too small. */
export function outOfRange(name: string, expected: string, actual: unknown): RangeError & { code: string } {
  return Object.assign(new RangeError(`${name} must be ${expected}; got ${describe(actual)}`), {
    code: "ERR_OUT_OF_RANGE",
  });
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "function") return `a function ${value.name}`.trim();
  if (typeof value === "symbol" || value === null || typeof value !== "object") return String(value);
  return `an instance of ${value.constructor?.name ?? "Object"}`;
}
