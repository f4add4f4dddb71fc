/** Asks for a key of a living owner as a process that may not be able to tell whether that owner lives. Sends what came of it. */
import * as fs from "node:fs";
import { openStoreSync } from "../../../../src/index.ts";

const [file, key, trouble] = process.argv.slice(2) as [string, string, "no descriptors" | "none"];
const store = openStoreSync(file);
store.setValue("asker", "was here");
if (trouble === "no descriptors") {
  try {
    for (;;) fs.openSync("/dev/null", "r");
  } catch {
    // Now there is none left.
  }
}
const answer = (call: () => unknown) => {
  try {
    return String(call());
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
};
const answers = {
  created: answer(() => store.createValue(key, "stolen")),
  value: answer(() => store.getValue(key)),
  keys: answer(() => store.keys(key).length),
};
process.stdout.write(JSON.stringify(answers));
