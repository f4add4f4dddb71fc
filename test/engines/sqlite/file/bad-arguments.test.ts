import { FILE_LIMITS } from "../../../../src/engine/limits.ts";
import { testBadInput } from "./bad-input.ts";

const longKey = "k".repeat(FILE_LIMITS.keyBytes + 1);

testBadInput([
  // Keys and values
  {
    what: "a key that is a number",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue(5 as never, "v"),
    says: /key.*5/,
  },
  {
    what: "a key that is missing",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.getValue(undefined as never),
    says: /key/,
  },
  {
    what: "a value that is a number",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue("k", 5 as never),
    says: /value.*5/,
  },
  {
    what: "a value that is null",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue("k", null as never),
    says: /null/,
  },
  {
    what: "a value that is an object",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.createValue("k", {} as never),
  },
  {
    what: "a lone surrogate in a key",
    code: "ERR_INVALID_ARG_VALUE",
    call: (store) => store.setValue("\ud800", "v"),
    says: /surrogate/,
  },
  {
    what: "a lone surrogate in a value",
    code: "ERR_INVALID_ARG_VALUE",
    call: (store) => store.setValue("k", "a\udc00"),
    says: /surrogate/,
  },
  {
    what: "a key that is too long",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => store.setValue(longKey, "v"),
    says: /65536 bytes/,
  },
  {
    what: "a key that is too long in UTF-8",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.getValue("€".repeat(22_000)),
  },
  {
    what: "a lone surrogate, tried",
    code: "ERR_INVALID_ARG_VALUE",
    call: (store) => void store.trySetValue("\ud800", "v"),
  },
  {
    what: "a key that is a number, tried",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.tryGetValue(1 as never),
  },
  {
    what: "a value that is no string, tried to create",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => void store.tryCreateValue("k", 1 as never),
  },
  // Options
  {
    what: "a timeout below 0",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => store.setValue("k", "v", { timeout: -1 }),
    says: /timeout.*-1/,
  },
  {
    what: "a timeout that is no number",
    code: "ERR_INVALID_ARG_TYPE",
    call: (store) => store.setValue("k", "v", { timeout: "5" as never }),
  },
  {
    what: "a timeout that is NaN",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.createValue("k", "v", { timeout: Number.NaN }),
  },
  {
    what: "retries below 0",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.trySetValue("k", "v", { retries: -1 }),
  },
  {
    what: "half a retry",
    code: "ERR_OUT_OF_RANGE",
    call: (store) => void store.trySetValue("k", "v", { retries: 0.5 }),
  },
  // Use after the end
  {
    what: "a closed store, get",
    code: "ERR_STORE_CLOSED",
    call: (store) => {
      store.close();
      store.getValue("k");
    },
  },
  {
    what: "a closed store, set",
    code: "ERR_STORE_CLOSED",
    call: (store) => {
      store.setValue("k", "v");
      store.close();
      store.close();
      store.setValue("k", "v");
    },
  },
]);
