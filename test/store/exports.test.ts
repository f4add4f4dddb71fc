import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as ipctools from "../../src/index.ts";

test("classes that users only receive are exported as types", () => {
  assert.deepEqual(
    Object.entries(ipctools)
      .filter(([, value]) => typeof value === "function" && String(value).startsWith("class"))
      .map(([name]) => name)
      .sort(),
    // `Store` takes an engine of one's own, and errors are compared with `instanceof`.
    ["Store", "StoreError"],
  );
});
