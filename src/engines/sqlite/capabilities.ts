import type { EngineCapabilities } from "../../engine/capabilities.ts";
import { FILE_LIMITS } from "../../engine/limits.ts";

export const SQLITE_CAPABILITIES: EngineCapabilities = {
  reach: "machine",
  persistent: true,
  liveness: "kernel",
  ttlResolution: 1,
  ttlMinimum: 1,
  losesOnFailover: false,
  limits: FILE_LIMITS,
};
