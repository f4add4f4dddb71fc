import { test } from "node:test";
import { fuzz } from "./fuzz.ts";

for (const first of [1, 1000])
  test(`every call on mutants from ${first}: the right value or a StoreError`, (t) => fuzz(t, first, 100));
