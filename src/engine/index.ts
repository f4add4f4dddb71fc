export { StoreError, type StoreErrorCode } from "../errors.ts";
export { Elapsed } from "../wait/elapsed.ts";
export { checkTimeout, DEFAULT_TIMEOUT } from "../wait/timeout.ts";
export type { EngineCapabilities, EngineLimits } from "./capabilities.ts";
export { ChangeQueue } from "./change-queue.ts";
export type {
  Awaitable,
  Check,
  Commit,
  CommitOptions,
  CommitResult,
  Engine,
  EngineInfo,
  Listing,
  Mutation,
  Session,
  SessionOptions,
  SyncEngine,
  Watch,
  WatchOptions,
} from "./contract.ts";
export { type Change, deleteChange, type Entry, type Space, setChange, type Value } from "./entry.ts";
export { type Lease, LeasedSession } from "./leased-session.ts";
export { checkKey, checkValue } from "./limits.ts";
export { namespaced } from "./namespace.ts";
export { type PagesOptions, pages } from "./pages.ts";
export { boundsOf, compareKeys, inRange, type Range, type RangeRead, spaceKey } from "./range.ts";
export {
  clientMissingError,
  closedError,
  historyLostError,
  newerFormatError,
  notInitializedError,
  outcomeUnknownError,
  sessionEndedError,
  sessionLostError,
  unavailableError,
} from "./standard-errors.ts";
export { checkCommit, checkRange, checkTtl, checkWatch } from "./validate.ts";
