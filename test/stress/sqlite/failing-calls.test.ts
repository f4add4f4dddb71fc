import { test } from "node:test";
import { failCalls } from "../../engines/sqlite/failing-calls/fail-calls.ts";

const CODES = ["EMFILE", "ENFILE", "EACCES", "EPERM", "ENOMEM", "EIO", "ENOSPC", "EROFS", "ELOOP", "EINTR", "EAGAIN"];

for (const witness of ["lock", "process"] as const)
  test(
    `system calls that fail with each code, and an owner lives by its ${witness}`,
    {
      skip: process.platform !== "linux" && witness === "process" && "elsewhere the lock decides",
    },
    (t) => failCalls(t, witness, CODES),
  );
