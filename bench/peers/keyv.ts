import * as path from "node:path";
import { load, type Peer } from "../peer.ts";

interface Keyv {
  set(key: string, value: string): Promise<boolean>;
  get(key: string): Promise<string | undefined>;
  disconnect(): Promise<void>;
}

export const keyv: Peer = {
  name: "keyv",
  title: "keyv, @keyv/sqlite",
  packages: ["keyv", "@keyv/sqlite"],
  does: ["set", "get"],
  async open({ folder }) {
    const { default: Opened } = await load<{ default: new (options: { store: unknown }) => Keyv }>("keyv");
    const { default: Sqlite } = await load<{ default: new (uri: string) => unknown }>("@keyv/sqlite");
    const store = new Opened({ store: new Sqlite(`sqlite://${path.join(folder, "keyv.sqlite")}`) });
    return {
      set: (key, value) => store.set(key, value),
      get: (key) => store.get(key),
      close: () => store.disconnect(),
    };
  },
};
