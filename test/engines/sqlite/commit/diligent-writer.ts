import * as fs from "node:fs";
import { openStoreSync } from "../../../../src/index.ts";

// Sets the keys `<name>/<first>` to `<name>/<last>`, and writes down each acknowledged one, before the next.
const [, , file, name, journal, first, last] = process.argv;
const store = openStoreSync(file!);
const acknowledged = fs.openSync(journal!, "a");
for (let i = Number(first); i <= Number(last); i++) {
  store.setValue(`${name}/${i}`, `value ${i}`, { timeout: 30_000 });
  fs.writeSync(acknowledged, `${i}\n`);
}
