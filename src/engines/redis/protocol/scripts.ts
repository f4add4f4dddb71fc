import { createHash } from "node:crypto";
import { LUA } from "./lua-sources.ts";

export interface Script {
  readonly text: string;
  readonly sha: string;
}

export interface Scripts {
  /** Checks, mutations, reads. Arguments: `commitArguments`. */
  readonly commit: Script;
  /** Sessions, the sweep, the log. Arguments: base, channels, log length, operation, its own. */
  readonly control: Script;
}

function script(...parts: readonly string[]): Script {
  const text = parts.join("");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/**
 * The Lua scripts that run on the server, from the files in lua/. They are scripts (EVALSHA, with EVAL where the server has
 * forgotten them) and not a function library. So they leave nothing on the server that two versions of this package could fight
 * over, they come back by themselves after a restart, a failover or a SCRIPT FLUSH, and they need no administrator's permission.
 */
export const SCRIPTS: Scripts = {
  commit: script(LUA.head, LUA.publish, LUA.update, LUA.changes, LUA.commit, LUA.reads),
  control: script(LUA.head, LUA.publish, LUA.changes, LUA.lengths, LUA.control),
};
