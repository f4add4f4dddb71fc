import type { EngineInfo } from "../../engine/contract.ts";
import { DEFAULT_TIMEOUT } from "../../wait/timeout.ts";
import type { Connection, Server } from "./connect/connection.ts";
import { readInfo } from "./connect/server-check.ts";
import { keyBase } from "./protocol/names.ts";

/** What `ipctools info` shows of a store on Redis. */
export async function redisInfo(
  connection: Connection,
  { location, route }: Server,
  version: number,
): Promise<EngineInfo> {
  const base = keyBase(location.prefix);
  const wait = { timeout: DEFAULT_TIMEOUT };
  const begun = performance.now();
  const keys = Number(await connection.call(["ZCARD", `${base}keys:user`], wait));
  const latency = performance.now() - begun;
  const initialized = (await connection.call(["HGET", `${base}meta`, "initialized"], wait)) !== null;
  const facts = readInfo(String(await connection.call(["INFO"], wait)));
  return {
    engine: "redis",
    location: location.safe,
    initialized,
    keys,
    version,
    durability: facts.appendOnly
      ? "written to the append-only file as its fsync setting says (by default every second); replicas follow later"
      : "in the server's memory, and in its snapshots: what is newer than the last one is lost when the server ends",
    details: {
      server: facts.version,
      endpoint: route.current,
      tls: location.tls !== undefined,
      latency: Math.round(latency * 1000) / 1000,
      prefix: location.prefix,
      database: location.database,
      replicas: facts.replicas,
      cluster: facts.cluster,
      guarantee: "one server's order; a fail-over may lose what was acknowledged last (use fencing tokens)",
    },
  };
}
