import type { Peer } from "../peer.ts";

/** Libraries of Python's, measured by `python/trial.py`. */
export const python: readonly Peer[] = [
  {
    name: "python-ipctools",
    title: "Python ipctools (Python 3.12 or newer)",
    python: "ipctools.store",
    does: ["set", "get", "create"],
  },
  {
    name: "python-sqlite3",
    title: "Python sqlite3, a connection a call",
    python: "sqlite3",
    does: ["set", "get", "create"],
  },
  { name: "python-diskcache", title: "Python diskcache", python: "diskcache", does: ["set", "get", "create"] },
];
