import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import * as path from "node:path";

/*
 * Makes functions of `node:fs` and `node:net` fail, one with one error at a time, while every public call is made on a store in which
 * another process holds a lock and a bound entry. Sends the complaints: a call that throws anything but a `StoreError`, an owner that
 * counted as dead, an error that nobody caught.
 */

const [base, codes] = process.argv.slice(2) as [string, string];

let failing: { name: string; code: string } | undefined;
let failed = 0;

/** Fails only for what belongs to the store, and for descriptors, so that the runtime itself goes on. */
function isOurs([first]: readonly unknown[]): boolean {
  if (typeof first === "number") return true;
  const name = String((first as { path?: string } | undefined)?.path ?? first);
  return name.includes(base) || name.startsWith("/proc/");
}

function makeFail(object: Record<string, unknown>, name: string): void {
  const real = object[name] as (...args: unknown[]) => unknown;
  const replaced = function (this: unknown, ...args: unknown[]) {
    if (failing?.name !== name || !isOurs(args)) return Reflect.apply(real, this, args);
    failed++;
    const { code } = failing;
    const error = Object.assign(new Error(`${code}: planted, ${name}`), { code, syscall: name, errno: -1 });
    if (name === "connect") {
      const socket = new net.Socket();
      queueMicrotask(() => socket.destroy(error));
      return socket;
    }
    throw error;
  };
  object[name] = Object.assign(replaced, real);
}

const FUNCTIONS = [
  "openSync",
  "closeSync",
  "lstatSync",
  "statSync",
  "fstatSync",
  "statfsSync",
  "readdirSync",
  "readlinkSync",
  "realpathSync",
  "readFileSync",
  "mkdirSync",
  "chmodSync",
  "utimesSync",
  "rmSync",
  "watch",
];
for (const name of FUNCTIONS) makeFail(fs as unknown as Record<string, unknown>, name);
makeFail(net as unknown as Record<string, unknown>, "connect");
syncBuiltinESMExports();

const { openStore, openStoreSync, StoreError } = await import("../../../../src/index.ts");

const complaints: string[] = [];
let current = "";
const complain = (what: string, error?: unknown) =>
  complaints.push(`${current}: ${what} ${error instanceof Error ? error.stack : ""}`);
for (const event of ["uncaughtException", "unhandledRejection"] as const)
  process.on(event, (error) => complain(event, error));

async function call(
  name: string,
  act: () => unknown,
  isRight: (result: unknown) => boolean = () => true,
): Promise<void> {
  try {
    const result = await act();
    if (!isRight(result)) complain(`${name} gave ${JSON.stringify(result)}`);
  } catch (error) {
    if (!(error instanceof StoreError)) complain(name, error);
  }
}

const wait = { timeout: 5 };
const isHere = (value: unknown) => value === "here";

/** Every public call. The owner of "bound" and of the lock "held" lives all the time. */
async function callAll(file: string): Promise<void> {
  const blocking = openStoreSync(file);
  await call(
    "getValue",
    () => blocking.getValue("plain"),
    (value) => value === "1",
  );
  await call("getValue of a bound one", () => blocking.getValue("bound"), isHere);
  await call(
    "keys",
    () => blocking.keys(),
    (keys) => (keys as string[]).includes("bound"),
  );
  await call("info", () => blocking.info());
  await call("setValue", () => blocking.setValue("other", "2", wait));
  await call(
    "createValue of a bound one",
    () => blocking.createValue("bound", "mine", wait),
    (created) => created === false,
  );
  await call("deleteValue", () => blocking.deleteValue("other", wait));
  await call("close", () => blocking.close());
  await call("openStore", async () => {
    const store = await openStore(file);
    try {
      await call("get of a bound one", () => store.get("bound"), isHere);
      await call("set", () => store.set("other", "3", wait));
      await call(
        "create of a bound one",
        () => store.create("bound", "mine", wait),
        (created) => created === false,
      );
      await call("set, ephemeral", () => store.set("mine", "4", { ephemeral: true, ...wait }));
      await call("lock", async () => {
        const lock = await store.lock("held", wait);
        complain("the lock of a living holder was granted");
        await lock.release();
      });
      await call("lock of one's own", async () => (await store.lock("free", wait)).release());
      await call("watch", async () => {
        const changes = store.watch("bound", { signal: AbortSignal.timeout(5) });
        try {
          const { value } = await changes.next();
          complain(`the entry of a living owner changed: ${JSON.stringify(value)}`);
        } catch (error) {
          if ((error as Error).name !== "TimeoutError") throw error;
        } finally {
          await changes.return?.();
        }
      });
      await call(
        "list",
        async () => {
          const keys: string[] = [];
          for await (const { key } of store.list()) keys.push(key);
          return keys;
        },
        (keys) => (keys as string[]).includes("bound"),
      );
      await call("info", () => store.info());
    } finally {
      await store.close();
    }
  });
}

const file = path.join(base, "store.db");
const failures: Record<string, number> = {};
current = "without a failure";
await callAll(file);
for (const name of [...FUNCTIONS, "connect"]) {
  failed = 0;
  for (const code of codes.split(",")) {
    current = `${name} ${code}`;
    failing = { name, code };
    await callAll(file);
    failing = undefined;
    // Whatever failed, the next call works, and the owner has lost nothing.
    current = `after ${current}`;
    const store = openStoreSync(file);
    await call("getValue of a bound one", () => store.getValue("bound"), isHere);
    if (!store.trySetValue("plain", "1")) complain("nothing can be written");
    store.close();
  }
  failures[name] = failed;
}
process.send!({ complaints, failures }, () => process.exit());
