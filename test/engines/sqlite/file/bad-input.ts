import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { openStoreSync, type SyncStore } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";

export interface Case {
  readonly what: string;
  /** The code that the call must fail with. */
  readonly code: string;
  /** Prepares the folder; returns the store's path, or nothing for a store that works. */
  readonly path?: (folder: string) => string;
  readonly call?: (store: SyncStore) => void;
  /** What the message must say beside the path. */
  readonly says?: RegExp;
  /** Root may write everywhere: then the call is made as a user who may not. */
  readonly asNobody?: boolean;
  readonly skip?: string | false;
}

export const set = (store: SyncStore) => store.setValue("key", "value");
export const get = (store: SyncStore) => void store.getValue("key");
export const isRoot = process.geteuid?.() === 0;
export const NOBODY = 65534;

export function madeStore(folder: string): string {
  const file = path.join(folder, "store.db");
  const store = openStoreSync(file);
  for (let i = 0; i < 200; i++) store.setValue(`key ${i}`, "x".repeat(500));
  store.close();
  return file;
}

/** Registers a test for each case: the call throws that code, names the path, and leaves the file as it was. */
export function testBadInput(cases: readonly Case[]): void {
  for (const { what, code, path: prepare, call = set, says, asNobody = false, skip = false } of cases) {
    test(`${what}: ${code}`, { skip }, (t) => {
      const folder = temporaryFolder(t);
      if (asNobody && isRoot) {
        fs.chownSync(folder, NOBODY, NOBODY);
        process.seteuid?.(NOBODY);
        t.after(() => process.seteuid?.(0));
      }
      const file = prepare?.(folder) ?? path.join(folder, "store.db");
      const before = contentOf(file);
      const store = openStoreSync(file);
      t.after(() => store.close());
      assert.throws(
        () => call(store),
        (error: Error & { code: string; retryable?: boolean }) => {
          assert.equal(error.code, code, error.stack);
          const isStoreError = code.startsWith("ERR_STORE");
          assert.equal(
            error.name,
            isStoreError ? "StoreError" : code === "ERR_OUT_OF_RANGE" ? "RangeError" : "TypeError",
          );
          if (says !== undefined) assert.match(error.message, says);
          if (prepare !== undefined) assert.ok(error.message.includes(file), `the path is not named: ${error.message}`);
          return true;
        },
      );
      if (prepare !== undefined) assert.deepEqual(contentOf(file), before, "the file was not left as it was");
    });
  }
}

function contentOf(file: string): Buffer | string | undefined {
  let stat: fs.Stats;
  try {
    stat = fs.lstatSync(file);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  return stat.isFile() ? fs.readFileSync(file) : `mode ${stat.mode}`;
}
