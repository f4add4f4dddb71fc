import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openStoreSync } from "../../../../src/index.ts";
import { start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

const TRIALS = 20;
/** Within this many milliseconds a read notices; the timers of a busy machine come on top. */
const NOTICED = 100;
const GRACE = 100;

interface Seen {
  readonly value: string;
  readonly at: number;
}

function removeStore(file: string): void {
  for (const suffix of ["", "-wal", "-shm"]) fs.rmSync(file + suffix, { force: true });
}

/** What cleaners, users and programs do to a file that is open; `from` is a store with another value. */
const WAYS: Readonly<Record<string, (file: string, other: string) => unknown>> = {
  removed: (file) => removeStore(file),
  replaced(file, other) {
    removeStore(file);
    fs.renameSync(other, file);
  },
  "moved away": (file) => {
    for (const suffix of ["", "-wal", "-shm"])
      if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, `${file}.moved${suffix}`);
  },
  "removed with its folder": (file) => fs.rmSync(path.dirname(file), { recursive: true }),
  "moved away with its folder 100 ms ago": (file) => {
    fs.renameSync(path.dirname(file), `${path.dirname(file)}.moved`);
    return delay(NOTICED);
  },
};

for (const [way, lose] of Object.entries(WAYS))
  test(`a file that is ${way} while it is open: no write is lost with it`, async (t) => {
    for (let trial = 0; trial < TRIALS; trial++) {
      const folder = temporaryFolder(t);
      const file = path.join(folder, "inner", "store.db");
      fs.mkdirSync(path.dirname(file));
      const other = path.join(folder, "other.db");
      const [ours, theirs, replacement] = [openStoreSync(file), openStoreSync(file), openStoreSync(other)];
      replacement.setValue("key", "other");
      replacement.close();
      ours.setValue("key", "old");
      theirs.setValue("key", "old, too");
      if (trial % 2 === 0) assert.equal(ours.createValue("new", "1"), true);
      // A file that was changed a moment ago is looked at more closely.
      if (trial % 3 === 0) await delay(30);
      await lose(file, other);
      if (!fs.existsSync(path.dirname(file))) {
        assert.throws(() => ours.setValue("key", "new"), { code: "ERR_STORE_IO" });
        fs.mkdirSync(path.dirname(file));
      }
      assert.equal(ours.createValue("new", "2"), true, "what was created before went with the file");
      assert.equal(theirs.createValue("new", "3"), false);
      theirs.setValue("key", "new");
      const fresh = openStoreSync(file);
      assert.equal(fresh.getValue("key"), "new");
      assert.equal(fresh.getValue("new"), "2");
      for (const store of [ours, theirs, fresh]) store.close();
    }
  });

test("readers in other processes notice within 100 ms that the file was removed or replaced", async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const other = path.join(folder, "other.db");
  const writer = openStoreSync(file);
  t.after(() => writer.close());
  writer.setValue("key", "first");
  const reader = start(t, path.join(import.meta.dirname, "reader.ts"), file, "key");
  const seen = (value: string) =>
    new Promise<number>((resolve) =>
      reader.on("message", (message: Seen) => message.value === value && resolve(message.at)),
    );
  await seen("first");

  let notices = seen("ERR_STORE_NOT_INITIALIZED");
  let since = Date.now();
  removeStore(file);
  assert.ok((await notices) - since <= NOTICED + GRACE, `${(await notices) - since} ms`);

  notices = seen("second");
  writer.setValue("key", "second");
  await notices;

  const replacement = openStoreSync(other);
  replacement.setValue("key", "third");
  replacement.close();
  notices = seen("third");
  since = Date.now();
  removeStore(file);
  fs.renameSync(other, file);
  assert.ok((await notices) - since <= NOTICED + GRACE, `${(await notices) - since} ms`);
});
