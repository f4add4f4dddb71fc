import { openStore, openStoreSync, StoreError, type StoreErrorCode, type SyncStore, store } from "ipctools";
import { type Conformance, engineConformance } from "ipctools/conformance";
import type { Participant } from "ipctools/coordination";
import { ChangeQueue, type Engine } from "ipctools/engine";
import { createValue, getValue, setValue, tryCreateValue, tryGetValue, trySetValue } from "ipctools/store";

/** What the types say to a user of them; never run. */
export function use(): void {
  const value: string | undefined = store.getValue("key");
  store.setValue("key", value ?? "value", { timeout: 100 });
  const created: boolean = store.createValue("key", "value");
  const set: boolean = store.trySetValue("key", "value", { retries: 3, timeout: 100 });
  const opened: SyncStore & Disposable = openStoreSync("/tmp/store.db");
  opened.close();
  setValue("key", `${created} ${set}`);
  console.log(getValue("key"), createValue("key", ""), tryGetValue("key"), trySetValue("key", ""));
  console.log(tryCreateValue("key", "", { retries: 1 }));
  // @ts-expect-error a value is a string
  store.setValue("key", 1);
  // @ts-expect-error `false` means that somebody else has it; a retry is for tryCreateValue
  store.createValue("key", "value", { retries: 1 });
  try {
    store.getValue("key");
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const code: StoreErrorCode = error.code;
    console.log(code === "ERR_STORE_BUSY", error.retryable, error.cause);
    // @ts-expect-error no such code
    console.log(code === "ERR_STORE_NONE");
  }
}

export function conform(open: Conformance["open"]): Engine["name"] {
  engineConformance({ name: "mine", open });
  return "mine";
}

export async function open(engine: Engine): Promise<Participant> {
  await using store = await openStore(engine);
  await using watch = store.watch("key");
  const { value } = await watch.next();
  console.log(value?.type === "set" && value.entry.createdVersion, new ChangeQueue().closed);
  // @ts-expect-error a misspelt option
  await store.set("key", "value", { timout: 5 });
  // @ts-expect-error options are an object
  await store.set("key", "value", 5000);
  return store.participant;
}
