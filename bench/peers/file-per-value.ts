import * as fs from "node:fs";
import * as path from "node:path";
import type { Peer } from "../peer.ts";

/** A file for each value, by hand: written beside it and renamed over it, so that nobody reads half a value. */
export const filePerValue: Peer = {
  name: "file-per-value",
  title: "a file for each value (write, rename)",
  does: ["set", "get", "create"],
  open({ folder }) {
    const beside = path.join(folder, `.${process.pid}`);
    return {
      set(key, value) {
        fs.writeFileSync(beside, value);
        fs.renameSync(beside, path.join(folder, key));
      },
      get: (key) => fs.readFileSync(path.join(folder, key), "utf8"),
      create(key, value) {
        fs.writeFileSync(beside, value);
        try {
          fs.linkSync(beside, path.join(folder, key));
          return true;
        } catch {
          return false;
        } finally {
          fs.unlinkSync(beside);
        }
      },
    };
  },
};
