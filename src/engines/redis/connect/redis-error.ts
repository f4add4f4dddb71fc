import { newerFormatError } from "../../../engine/standard-errors.ts";
import { StoreError } from "../../../errors.ts";

/** What became of a call that brought no result. */
export type Outcome =
  /** The server did not carry it out, and the same call may be tried again: after a pause, or elsewhere. */
  | { readonly kind: "again" }
  /** The server that answered is not the one that decides: find that one, then try again. */
  | { readonly kind: "elsewhere"; readonly host?: string; readonly port?: number }
  /** The server does not hold the script: send it whole. */
  | { readonly kind: "script" }
  | { readonly kind: "error"; readonly error: StoreError };

/** Prefixes of replies by which a server says that it did nothing and that it will pass. */
const PASSING = ["LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "BUSY", "ASK", "NOREPLICAS"];

/** Judges an error that the server sent as its reply. `what` is the server, `store` the location: for the message. */
export function judgeReply(reply: Error, what: string, store: string): Outcome {
  const { message } = reply;
  const word = message.split(" ", 1)[0]!;
  if (word === "NOSCRIPT") return { kind: "script" };
  if (word === "MOVED") {
    const [, , to = ""] = message.split(" ");
    const colon = to.lastIndexOf(":");
    return { kind: "elsewhere", host: to.slice(0, colon), port: Number(to.slice(colon + 1)) };
  }
  if (word === "READONLY") return { kind: "elsewhere" };
  // A cluster is moving the store: a commit reads all that it changes before its first write.
  if (PASSING.includes(word) || message.includes("access a non local key")) return { kind: "again" };
  return { kind: "error", error: translate(word, message, what, store, reply) };
}

function translate(word: string, message: string, what: string, store: string, cause: Error): StoreError {
  const error = (code: StoreError["code"], text: string) => new StoreError(code, text, { cause });
  if (word === "IPCTOOLS") {
    const [, reason, found = "", known = ""] = message.split(" ");
    if (reason === "NEWER_FORMAT") return newerFormatError(store, found, known);
    return error(
      "ERR_STORE_FOREIGN_PREFIX",
      `The prefix is used by another program on ${what}: choose another one (?prefix=…)`,
    );
  }
  if (word === "WRONGTYPE")
    return error(
      "ERR_STORE_FOREIGN_PREFIX",
      `A key of the store on ${what} has been taken by another program: choose another prefix (?prefix=…)`,
    );
  if (word === "WRONGPASS" || word === "NOAUTH" || message.startsWith("ERR invalid password"))
    return error("ERR_STORE_AUTHENTICATION", `${what} refuses the user or password`);
  if (message.startsWith("ERR AUTH") && message.includes("without any password"))
    return error("ERR_STORE_AUTHENTICATION", `${what} has no password set, but the location gives one`);
  // Within a script Redis 7.0 says it in other words.
  const isRefused = word === "NOPERM" || /user executing the script can't|ACL failure/.test(message);
  if (isRefused && message.includes("channel"))
    return error(
      "ERR_STORE_AUTHENTICATION",
      `${what} does not permit the user the store's channels: ACL SETUSER … &{PREFIX}:* (PREFIX is that of the location, ipctools by default). It said: ${message}`,
    );
  if (isRefused)
    return error("ERR_STORE_AUTHENTICATION", `${what} does not permit the user a command or key: ${message}`);
  if (word === "OOM")
    return error("ERR_STORE_FULL", `${what} has no memory left (maxmemory); free some, or give it more`);
  if (word === "MISCONF")
    return message.includes("No space left")
      ? error("ERR_STORE_FULL", `The disk of ${what} is full; free some space`)
      : error("ERR_STORE_IO", `${what} cannot write to its disk: ${message}`);
  if (message.includes("DB index is out of range") || message.includes("SELECT is not allowed in cluster mode"))
    return error("ERR_STORE_UNSUPPORTED", `${what} has no database of that number: ${message}`);
  if (message.startsWith("ERR unknown command") || word === "NOPROTO")
    return error("ERR_STORE_INCOMPATIBLE_SERVER", `${what} lacks what is needed (Redis 7 or newer): ${message}`);
  if (message.includes("max number of clients"))
    return error("ERR_STORE_UNAVAILABLE", `${what} takes no further clients (maxclients)`);
  if (word === "-MISCONF" || message.includes("invalid multibulk") || message.includes("invalid bulk length"))
    return error("ERR_STORE_UNSUPPORTED", `${what} takes no request of that size: ${message}`);
  return error("ERR_STORE_IO", `${what} answered: ${message}`);
}

/** The reason of an error, for a message. A connection to `localhost` that fails for each of its addresses has several. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}
