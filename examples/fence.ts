// A holder that was stopped for too long and does not know that it lost its lock changes nothing: its token is refused.
import { openStore } from "ipctools";

const store = await openStore();
const late = await store.lock("report");

// Another one takes the lock, as if the first had been given up for dead.
await store.locks.request("report", { steal: true }, async (lock) => {
  await store.set("report", "the new one's", { fence: lock });
});
await store.set("report", "the late one's", { fence: late }).catch(({ code }) => console.log(code));
console.log(await store.get("report"));

// A resource outside of the store does the same: it remembers the highest token that it has seen.
let highest = 0;
function write(token: number, text: string): string {
  if (token < highest) return `refused: ${text}`;
  highest = token;
  return `written: ${text}`;
}
const next = await store.lock("report");
console.log(write(next.token, "the next one's"));
console.log(write(late.token, "the late one's"));
await store.close();

// Prints:
//   ERR_STORE_FENCED
//   the new one's
//   written: the next one's
//   refused: the late one's
