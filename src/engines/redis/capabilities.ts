import type { EngineCapabilities } from "../../engine/capabilities.ts";

const MIB = 1024 * 1024;

export const REDIS_CAPABILITIES: EngineCapabilities = {
  reach: "network",
  persistent: true,
  liveness: "lease",
  ttlResolution: 1,
  ttlMinimum: 1,
  losesOnFailover: true,
  limits: {
    keyBytes: 64 * 1024,
    // A Redis string holds 512 MiB, a client's whole request 1 GiB.
    valueBytes: 256 * MIB,
    commitOperations: 10_000,
    commitBytes: 512 * MIB,
  },
};

/** The shortest life of a session, in milliseconds: below it a refresh on its way could come too late. */
export const SHORTEST_SESSION = 100;
