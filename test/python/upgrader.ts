import { openStoreSync } from "../../src/index.ts";

/** Makes a file of Python's into one of ours by setting a value, over and over new handles: killed in the midst of it. */
process.send!("begins");
for (let i = 0; ; i++) {
  const store = openStoreSync(process.argv[2]!);
  store.setValue("upgrader", String(i));
  store.close();
  process.send!("done");
}
