import { openStoreSync } from "../../../../src/index.ts";

// Tries to create each key that it is told, and answers whether it did.
const store = openStoreSync(process.argv[2]!);
process.on("message", (key: string) => process.send!(store.createValue(key, String(process.pid))));
process.send!("ready");
