import { openStoreSync, type TryOptions, type WriteOptions } from "./sync-store.ts";

/** The store that `IPCTOOLS_STORE` names when it is first used, or the default of this user. */
export const defaultStore = openStoreSync();

export const getValue = (key: string): string | undefined => defaultStore.getValue(key);
export const setValue = (key: string, value: string, options?: WriteOptions): void =>
  defaultStore.setValue(key, value, options);
export const createValue = (key: string, value: string, options?: WriteOptions): boolean =>
  defaultStore.createValue(key, value, options);
export const tryGetValue = (key: string): string | undefined => defaultStore.tryGetValue(key);
export const trySetValue = (key: string, value: string, options?: TryOptions): boolean =>
  defaultStore.trySetValue(key, value, options);
export const tryCreateValue = (key: string, value: string, options?: TryOptions): boolean =>
  defaultStore.tryCreateValue(key, value, options);
