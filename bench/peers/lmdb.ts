import * as path from "node:path";
import { load, type Peer } from "../peer.ts";

interface Database {
  putSync(key: string, value: string): boolean;
  get(key: string): string | undefined;
  doesExist(key: string): boolean;
  transactionSync<T>(body: () => T): T;
  close(): Promise<void>;
}

/** As safe as the others are here: nothing is flushed at a commit. A get sees what other processes wrote. */
export const lmdb: Peer = {
  name: "lmdb",
  title: "lmdb (`noSync`, fresh snapshots)",
  packages: ["lmdb"],
  does: ["set", "get", "create"],
  async open({ folder }) {
    const { open } = await load<{ open(options: object): Database & { resetReadTxn(): void } }>("lmdb");
    const db = open({ path: path.join(folder, "values.mdb"), encoding: "string", noSync: true });
    return {
      set: (key, value) => db.putSync(key, value),
      get: (key) => {
        db.resetReadTxn();
        return db.get(key);
      },
      create: (key, value) => db.transactionSync(() => !db.doesExist(key) && db.putSync(key, value)),
      close: () => db.close(),
    };
  },
};
