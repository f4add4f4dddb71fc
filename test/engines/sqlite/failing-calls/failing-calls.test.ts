import { test } from "node:test";
import { failCalls } from "./fail-calls.ts";

/** Those that the library tells apart, and one of the others. */
const CODES = ["EMFILE", "EACCES", "EIO"];

for (const witness of ["lock", "process"] as const)
  test(
    `system calls that fail: a StoreError or the right answer, nothing uncaught, and an owner lives by its ${witness}`,
    {
      skip: process.platform !== "linux" && witness === "process" && "elsewhere the lock decides",
    },
    (t) => failCalls(t, witness, CODES),
  );
