import { openStoreSync, StoreError } from "../../src/index.ts";

/** Sets, creates and gets for some seconds, as `store.py share` does, and prints what came of each call. */
const [file, name, seconds] = process.argv.slice(2) as [string, string, string];
const store = openStoreSync(file);
const say = (...words: string[]) => process.stdout.write(`${JSON.stringify(words)}\n`);

const end = performance.now() + Number(seconds) * 1000;
for (let i = 0; performance.now() < end; i++) {
  try {
    const key = `own/${name}/${i % 50}`;
    store.setValue(key, String(i));
    say("set", key, String(i));
    const shared = `created/${Math.floor(Date.now() / 50)}`;
    if (store.createValue(shared, name)) say("created", shared, name);
    if (store.getValue(key) !== String(i)) say("wrong", key, String(i));
    if (store.getValue(`created/${Math.floor(Math.random() * 1e9)}`) !== undefined)
      say("wrong", "a key that nobody set", "");
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    say("error", `${error.code}: ${error.message}`, "");
  }
  // Let the output out, and the others in.
  await new Promise((resolve) => setImmediate(resolve));
}
