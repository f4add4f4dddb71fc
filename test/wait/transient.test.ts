import * as assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "../../src/errors.ts";
import { isOutcomeUnknown, isTransient } from "../../src/wait/transient.ts";

test("isTransient() and isOutcomeUnknown() know the errors of another copy of the package", async () => {
  const copy: typeof import("../../src/errors.ts") = await import(`${import.meta.resolve("../../src/errors.ts")}?copy`);
  assert.notEqual(copy.StoreError, StoreError);
  for (const Class of [StoreError, copy.StoreError]) {
    const outcome = (code: ConstructorParameters<typeof StoreError>[0]) => {
      const error = new Class(code, "");
      return [isTransient(error), isOutcomeUnknown(error)];
    };
    assert.deepEqual(outcome("ERR_STORE_OUTCOME_UNKNOWN"), [true, true]);
    assert.deepEqual(outcome("ERR_STORE_BUSY"), [true, false]);
    assert.deepEqual(outcome("ERR_STORE_FENCED"), [false, false]);
  }
  assert.deepEqual(
    [new Error("x"), Object.assign(new Error("x"), { code: "ERR_STORE_OUTCOME_UNKNOWN" }), undefined].map(isTransient),
    [false, false, false],
  );
});
