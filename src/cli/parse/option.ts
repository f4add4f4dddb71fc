export interface Option {
  readonly type: "boolean" | "string";
  readonly short?: string;
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

/** Options that every verb takes. */
export const GLOBAL_OPTIONS: Readonly<Record<string, Option>> = {
  store: {
    type: "string",
    value: "LOCATION",
    help: "a path or a URL; default: IPCTOOLS_STORE, else this user's own store",
  },
  json: { type: "boolean", help: "print JSON, one value a line" },
  timeout: {
    type: "string",
    value: "TIME",
    help: "how long to wait: 1500 or 1500ms, 2s, 5m, 1h (default for a busy store: 5s)",
  },
  help: { type: "boolean", short: "h", help: "show this" },
  version: { type: "boolean", short: "V", help: "print the version" },
};
