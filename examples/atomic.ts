// Several keys at once, all or nothing: a transfer that no crash can leave half done.
import { openStore } from "ipctools";

const store = await openStore();
await store.set("account/ada", "100");
await store.set("account/grace", "0");

async function transfer(from: string, to: string, amount: number): Promise<boolean> {
  const [a, b] = [(await store.getEntry(from))!, (await store.getEntry(to))!];
  if (Number(a.value) < amount) return false;
  const { ok } = await store
    .atomic()
    .check(a)
    .check(b)
    .set(from, String(Number(a.value) - amount))
    .set(to, String(Number(b.value) + amount))
    .commit();
  // Somebody else was faster: look again.
  return ok || transfer(from, to, amount);
}

console.log(await Promise.all([1, 2, 3, 4].map(() => transfer("account/ada", "account/grace", 30))));
for await (const { key, value } of store.list({ prefix: "account/" })) console.log(key, value);
await store.close();

// Prints:
//   [ true, true, true, false ]
//   account/ada 10
//   account/grace 90
