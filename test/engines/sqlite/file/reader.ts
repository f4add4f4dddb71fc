/** Reads a key for as long as it runs; tells each value that it had not seen before, with the moment. */
import { openStoreSync, StoreError } from "../../../../src/index.ts";

const [file = "", key = ""] = process.argv.slice(2);
const store = openStoreSync(file);

function read(): string {
  try {
    return store.getValue(key) ?? "absent";
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
}

let last: string | undefined;
setInterval(() => {
  const value = read();
  if (value === last) return;
  last = value;
  process.send!({ value, at: Date.now() });
}, 1);
process.once("disconnect", () => process.exit());
