import type * as Redis from "redis";
import { clientMissingError } from "../../../engine/standard-errors.ts";

export type RedisModule = typeof Redis;
export type RedisClient = ReturnType<RedisModule["createClient"]>;

let loading: Promise<RedisModule> | undefined;

/** The official client, loaded when first used. `ERR_STORE_CLIENT_MISSING` if it is not installed. */
export function loadRedisModule(): Promise<RedisModule> {
  loading ??= import("redis").catch((cause: unknown) => {
    loading = undefined;
    throw clientMissingError("redis", ["redis@6"], cause);
  });
  return loading;
}
