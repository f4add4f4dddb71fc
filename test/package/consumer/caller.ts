import { StoreError, store } from "ipctools";
import type { Answer, Call } from "./callers.ts";

/** Makes the calls that its parent sends, on the store that `IPCTOOLS_STORE` names. */
process.on("message", ({ name, args }: Call) => {
  let answer: Answer;
  try {
    answer = { value: (store[name] as (...args: unknown[]) => unknown)(...args) };
  } catch (error) {
    const { name, code, retryable, message, cause } = error as StoreError;
    answer = {
      error: {
        name,
        code,
        retryable,
        message,
        hasCause: cause !== undefined,
        isStoreError: error instanceof StoreError,
      },
    };
  }
  process.send!(answer);
});
process.once("disconnect", () => process.exit());
process.send!("ready");
