// A resource outside the store that refuses an old fencing token: a holder that lost its lock unnoticed does no harm.
// Runs over any engine: IPCTOOLS_STORE=redis://127.0.0.1 node examples/fencing.ts
import { openStore } from "ipctools";

/** A disk, a payment service, a printer: what it needs is one number, compared and kept in the same step as the write. */
class Resource {
  #newest = 0;

  write(token: number, text: string): void {
    console.log(`${text}: ${token < this.#newest ? "refused" : "written"}`);
    this.#newest = Math.max(this.#newest, token);
  }
}

const resource = new Resource();
const first = await openStore();
const second = await openStore();

const slow = await first.lock("report");
resource.write(slow.token, "the first holder");

// What a lease that ran out does to a holder that was stopped, or a fail-over to one whose lock was not yet replicated.
await second.locks.request("report", { steal: true }, async (lock) => {
  resource.write(lock.token, "the second holder");
  resource.write(slow.token, "the first again, late");
  console.log("a token grows with each grant:", lock.token > slow.token);
});

// What is in the store itself needs no such resource: the store compares.
const code = await first.set("report", "late", { fence: slow }).catch((error) => error.code);
console.log("the store says:", code);
await Promise.all([first.close(), second.close()]);

// Prints:
//   the first holder: written
//   the second holder: written
//   the first again, late: refused
//   a token grows with each grant: true
//   the store says: ERR_STORE_FENCED
