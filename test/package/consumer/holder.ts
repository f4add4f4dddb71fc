import { DatabaseSync } from "node:sqlite";

/** A program in mid-write: holds the file's write lock from its message until it is killed. */
const database = new DatabaseSync(process.argv[2]!);
database.exec("BEGIN IMMEDIATE");
process.on("message", () => database.close());
process.send!("held");
