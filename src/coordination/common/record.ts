import type { Entry } from "../../engine/entry.ts";
import { StoreError } from "../../errors.ts";

/**
 * Reads the JSON of an entry in the system space. Anything may have written the entry, so `isValid` checks what it holds;
 * it may throw for what it cannot look into.
 *
 * @throws StoreError `ERR_STORE_CODEC` if the value is not JSON or not valid.
 */
export function parseRecord<T>({ key, value }: Pick<Entry, "key" | "value">, isValid: (record: T) => boolean): T {
  try {
    const record = JSON.parse(String(value)) as T;
    if (isValid(record)) return record;
  } catch {
    // Not JSON, or null where an object belongs: the error below reports it.
  }
  throw malformedRecord(key);
}

export function malformedRecord(key: string): StoreError {
  return new StoreError(
    "ERR_STORE_CODEC",
    `Cannot read the entry ${JSON.stringify(key)} of the system space: another program has changed it. Use another name, or restore a backup`,
  );
}
