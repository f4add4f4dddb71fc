import type { EngineCapabilities } from "../../engine/capabilities.ts";

/** The server's `--max-request-bytes` by default. */
export const REQUEST_BYTES = 1.5 * 1024 * 1024;

/** What a request holds beside keys and values: some 40 bytes for each operation, and the prefix of each key. */
const OVERHEAD = 16 * 1024;

/** The longest prefix, in bytes. */
export const PREFIX_BYTES = 64;

const KEY_BYTES = 16 * 1024;

export const ETCD_CAPABILITIES: EngineCapabilities = {
  reach: "network",
  persistent: true,
  liveness: "lease",
  ttlResolution: 1000,
  // The server takes no lease below 1.5 of its election time-outs (1 s by default), in whole seconds.
  ttlMinimum: 2000,
  losesOnFailover: false,
  limits: {
    keyBytes: KEY_BYTES,
    valueBytes: REQUEST_BYTES - OVERHEAD - KEY_BYTES,
    commitOperations: 128,
    commitBytes: REQUEST_BYTES - OVERHEAD,
  },
};
