export { StoreError, type StoreErrorCode } from "./errors.ts";
export { defaultStore as store } from "./store.ts";
export { openStoreSync, type SyncStore, type TryOptions, type WriteOptions } from "./sync-store.ts";
