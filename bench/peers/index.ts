import type { Peer } from "../peer.ts";
import { betterSqlite3 } from "./better-sqlite3.ts";
import { broadcastChannel } from "./broadcast-channel.ts";
import { commandLine, nodeItself } from "./command-line.ts";
import { etcd3 } from "./etcd3.ts";
import { filePerValue } from "./file-per-value.ts";
import { ipctools } from "./ipctools.ts";
import { ipctoolsEtcdBlocking, ipctoolsRedisBlocking } from "./ipctools-blocking.ts";
import { ipctoolsEtcd } from "./ipctools-etcd.ts";
import { ipctoolsFile } from "./ipctools-file.ts";
import { ipctoolsRedis } from "./ipctools-redis.ts";
import { keyv } from "./keyv.ts";
import { lmdb } from "./lmdb.ts";
import { nodeSqlite } from "./node-sqlite.ts";
import { properLockfile } from "./proper-lockfile.ts";
import { python } from "./python.ts";
import { redis, redisSemaphore, redlock } from "./redis.ts";

/** In the order of the tables. */
export const peers: readonly Peer[] = [
  ipctools,
  ipctoolsFile,
  nodeSqlite,
  betterSqlite3,
  lmdb,
  keyv,
  filePerValue,
  properLockfile,
  broadcastChannel,
  ...python,
  commandLine,
  nodeItself,
  redis,
  redlock,
  redisSemaphore,
  ipctoolsRedis,
  ipctoolsRedisBlocking,
  ipctoolsEtcd,
  ipctoolsEtcdBlocking,
  etcd3,
];
