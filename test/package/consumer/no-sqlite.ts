import { StoreError, store } from "ipctools";
import { getValue } from "ipctools/store";

/** On a runtime without `node:sqlite`: prints the code and the message of the first use. */
for (const use of [() => store.setValue("key", "value"), () => getValue("key")])
  try {
    use();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    console.log(error.code, error.message);
  }
console.log(store.tryGetValue("key"), store.trySetValue("key", "value"));
