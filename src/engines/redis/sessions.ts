import * as crypto from "node:crypto";
import { LeasedSessions } from "../../engine/leased-sessions.ts";
import { SHORTEST_SESSION } from "./capabilities.ts";
import type { Reply } from "./protocol/wire.ts";

/** The part of a session's time that is not used, for clocks that run unevenly. */
const MARGIN = 0.15;
const GRANT_TIMEOUT = 5000;

/** Runs an operation of the control script. */
export type Control = (
  operation: readonly string[],
  options: { readonly timeout: number; readonly keepAlive?: boolean },
) => Promise<Reply>;

/** The sessions of an engine: each has a time on the server that its owner renews. */
export function redisSessions(control: Control): LeasedSessions {
  return new LeasedSessions({
    async grant(asked) {
      const ttl = Math.max(SHORTEST_SESSION, Math.ceil(asked));
      const id = crypto.randomBytes(12).toString("hex");
      // An attempt whose answer was lost leaves a session that expires by itself.
      await control(["open", id, String(ttl)], { timeout: GRANT_TIMEOUT });
      return { id, ttl };
    },
    margin: (ttl) => ttl * MARGIN,
    heartbeat: async ({ id, ttl }, timeout) =>
      (await control(["refresh", id, String(ttl)], { timeout, keepAlive: false })) === 1,
    release: (id, options) => control(["end", id], options),
  });
}
