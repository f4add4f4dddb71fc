import { isStoreError } from "../../errors.ts";
import { Deadline } from "../../wait/deadline.ts";
import type { Arguments } from "../parse/arguments.ts";
import { interruptible } from "./interruption.ts";

/** Settles as the wait does, except that it resolves to `undefined` when `--timeout` is over. */
export async function unlessTimedOut<T>(wait: Promise<T>): Promise<T | undefined> {
  try {
    return await wait;
  } catch (error) {
    if (isStoreError(error, "ERR_STORE_TIMEOUT")) return undefined;
    throw error;
  }
}

/** Runs something that waits until a signal ends this program. Resolves to `undefined` when `--timeout` is over. */
export async function patiently<T>(
  call: Arguments,
  awaited: string,
  body: (deadline: Deadline) => Promise<T>,
): Promise<T | undefined> {
  return await interruptible(async (signal) => {
    const deadline = new Deadline({ signal, ...call.wait }, awaited);
    try {
      return await unlessTimedOut(body(deadline));
    } finally {
      deadline[Symbol.dispose]();
    }
  });
}
