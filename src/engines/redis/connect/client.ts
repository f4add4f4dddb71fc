import type * as Redis from "redis";
import { StoreError } from "../../../errors.ts";

export type RedisModule = typeof Redis;
export type RedisClient = ReturnType<RedisModule["createClient"]>;

let loading: Promise<RedisModule> | undefined;

/** The official client, loaded when first used. `ERR_STORE_CLIENT_MISSING` if it is not installed. */
export function loadRedisModule(): Promise<RedisModule> {
  loading ??= import("redis").catch((cause: unknown) => {
    loading = undefined;
    throw new StoreError(
      "ERR_STORE_CLIENT_MISSING",
      "The package `redis` (version 6) is needed for redis: locations: npm install redis@6",
      { cause },
    );
  });
  return loading;
}
