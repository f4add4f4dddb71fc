import * as fs from "node:fs";
import * as path from "node:path";
import { load, type Peer } from "../peer.ts";

interface ProperLockfile {
  lock(file: string, options?: object): Promise<() => Promise<void>>;
}

/** `proper-lockfile` around a JSON file with all values. */
export const properLockfile: Peer = {
  name: "proper-lockfile",
  title: "proper-lockfile, a JSON file",
  packages: ["proper-lockfile"],
  does: ["set", "get", "create", "lock", "elect"],
  async open({ folder }) {
    const { default: lockfile } = await load<{ default: ProperLockfile }>("proper-lockfile");
    const file = path.join(folder, "values.json");
    const beside = path.join(folder, `.${process.pid}`);
    try {
      fs.writeFileSync(file, "{}", { flag: "wx" });
    } catch {} // Another process of the trial made it.
    const read = () => JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, string>;
    // As often as it can be asked without keeping a processor busy; its shortest way to tell that a holder died: 2 s.
    const retries = { forever: true, minTimeout: 1, maxTimeout: 20, randomize: true };
    async function write(key: string, value: string, isWanted: (values: Record<string, string>) => boolean) {
      const release = await lockfile.lock(file, { retries });
      try {
        const values = read();
        if (!isWanted(values)) return false;
        values[key] = value;
        fs.writeFileSync(beside, JSON.stringify(values));
        fs.renameSync(beside, file);
        return true;
      } finally {
        await release();
      }
    }
    return {
      set: (key, value) => write(key, value, () => true),
      get: (key) => read()[key],
      create: (key, value) => write(key, value, (values) => !(key in values)),
      lock: (name) => lockfile.lock(path.join(folder, name), { retries, realpath: false }),
      elect: (name) => lockfile.lock(path.join(folder, name), { retries, realpath: false, stale: 2000, update: 1000 }),
    };
  },
};
