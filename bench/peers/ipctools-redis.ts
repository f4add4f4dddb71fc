import type { Peer } from "../peer.ts";
import { openSubject, STORE_DOES } from "./store-subject.ts";

/** How long a session outlives a silent owner, in milliseconds: what the peers' leases have. */
const LEASE = 2000;

export const ipctoolsRedis: Peer = {
  name: "ipctools-redis",
  title: "**ipctools** (Redis)",
  server: "redis",
  does: STORE_DOES,
  open: ({ servers }) => openSubject(`redis://${servers.redis}?prefix=bench`, LEASE),
};
