import * as path from "node:path";
import { load, type Peer } from "../peer.ts";
import { PLAIN } from "./node-sqlite.ts";

interface Database {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: string[]): { changes: number }; get(key: string): { value: string } };
  close(): void;
}

export const betterSqlite3: Peer = {
  name: "better-sqlite3",
  title: "better-sqlite3, plain statements",
  packages: ["better-sqlite3"],
  does: ["set", "get", "create"],
  async open({ folder }) {
    type Constructor = new (path: string, options: { timeout: number }) => Database;
    const { default: Opened } = await load<{ default: Constructor }>("better-sqlite3");
    const db = new Opened(path.join(folder, "plain.db"), { timeout: 10_000 });
    db.exec(`${PLAIN.pragmas}; ${PLAIN.table}`);
    const [set, get, create] = [db.prepare(PLAIN.set), db.prepare(PLAIN.get), db.prepare(PLAIN.create)];
    return {
      set: (key, value) => set.run(key, value),
      get: (key) => get.get(key).value,
      create: (key, value) => create.run(key, value).changes === 1,
      close: () => db.close(),
    };
  },
};
